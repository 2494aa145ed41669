"""Durations and clock times as other tools write them, down to whole minutes."""

import re
from decimal import ROUND_HALF_UP, Decimal

SECONDS_A_DAY = 24 * 60 * 60

_with_colons = re.compile(r"([0-9]{1,4}):([0-5][0-9])(?::([0-5][0-9]))?").fullmatch
_decimal = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,9})?|[.,][0-9]{1,9}").fullmatch
_clock = re.compile(
    r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?(?: ?([AP])\.? ?M\.?)?", re.IGNORECASE
).fullmatch


def read_duration(text: str) -> Decimal:
    """Seconds of `1:30`, `01:30:00`, `1.5` or `1,5`, the last two being hours.

    Raises ValueError with words for people.
    """
    if match := _with_colons(text):
        hours, minutes, seconds = match[1], match[2], match[3] or "0"
        return Decimal(int(hours) * 3600 + int(minutes) * 60 + int(seconds))
    if _decimal(text):
        return Decimal(text.replace(",", ".")) * 3600
    if text.startswith("-"):
        raise ValueError(f"{text[:40]} is less than nothing.")
    raise ValueError(f"{text[:40]} is not a duration like 1:30, 01:30:00, 1.5 or 1,5.")


def whole_minutes(seconds: Decimal) -> int:
    """Rounded to the nearest minute, half a minute up."""
    return int((seconds / 60).to_integral_value(ROUND_HALF_UP))


def read_clock(text: str) -> int:
    """Seconds since midnight of `10:23`, `10:23:52`, `10:23 AM` or `10:23:52 pm`.

    Raises ValueError with words for people.
    """
    # Newer software puts a narrow no-break space before AM and PM.
    match = _clock(" ".join(text.split()))
    if match is None:
        raise ValueError(f"{text[:40]} is not a time like 22:23 or 10:23 PM.")
    hour, minute, second, half = int(match[1]), int(match[2]), int(match[3] or 0), match[4]
    if (half is not None and not 1 <= hour <= 12) or hour > 23:
        raise ValueError(f"There is no time {text}.")
    if half is not None:
        hour = hour % 12 + (12 if half.upper() == "P" else 0)
    return hour * 3600 + minute * 60 + second
