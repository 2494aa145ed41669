"""The holiday calendars that the `holidays` library knows, by country and subdivision."""

from __future__ import annotations

from functools import lru_cache

import holidays


@lru_cache(maxsize=256)
def is_known_calendar(code: str) -> bool:
    """Whether the library has holidays for a code such as `DE` or `DE-BY`."""
    country, _, subdivision = code.partition("-")
    try:
        holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError:
        return False
    return True
