"""Public holidays by calendar code, from the `holidays` library.

A code is a country, or a country and a subdivision: `DE`, `DE-BY`, `GB-ENG`, `US-CA`. The data of
the library may change with its version; what a submitted week was measured by does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=1024)
def holidays_of(code: str, year: int) -> Mapping[date, str]:
    """The names of the holidays of a year; none for an unknown code."""
    country, _, subdivision = code.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    except NotImplementedError:
        return {}
    return dict(found.items())
