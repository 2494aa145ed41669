"""Hours as people and programs write them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])")
# A program that divides minutes by 60 writes up to 17 significant digits, 0.016666666666666666.
_DECIMAL = re.compile(r"[0-9]{1,4}(\.[0-9]{1,20})?|\.[0-9]{1,20}")

EXPECTED = "Enter hours like 1.5 or 1:30."


def minutes_of(hours: str | float) -> int:
    """Decimal hours or H:MM as whole minutes, rounded half up.

    Raises ValueError for anything else, such as negative hours and NaN.
    """
    text = str(hours).strip()
    if match := _CLOCK.fullmatch(text):
        return int(match[1]) * 60 + int(match[2])
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(EXPECTED)
    return int((Decimal(text) * 60).quantize(Decimal(1), ROUND_HALF_UP))
