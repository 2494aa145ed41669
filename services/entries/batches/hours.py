"""Hours as people and programs write them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])")
_DECIMAL = re.compile(r"[0-9]{1,4}(\.[0-9]{1,12})?|\.[0-9]{1,12}")

WORDS = "Hours like 1.5 or 1:30 are expected."


def minutes_of(hours: str | float) -> int:
    """Decimal hours or H:MM as whole minutes, the nearest, half a minute counted as one.

    Raises ValueError for what is neither, negative hours and NaN for two.
    """
    text = str(hours).strip()
    if match := _CLOCK.fullmatch(text):
        return int(match[1]) * 60 + int(match[2])
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(WORDS)
    return int((Decimal(text) * 60).quantize(Decimal(1), ROUND_HALF_UP))
