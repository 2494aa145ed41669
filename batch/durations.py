"""Durations and times of day as time trackers write them, in seconds."""

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

SECONDS_PER_DAY = 24 * 60 * 60
CACHED = 4096
"""Files contain few different durations and times: a look-up is faster than parsing again."""

_hours_minutes = re.compile(r"([0-9]{1,4}):([0-5][0-9])(?::([0-5][0-9]))?(?: ?h)?", re.I).fullmatch
_minutes_seconds = re.compile(r"([0-9]{1,5}):([0-5][0-9]) ?min", re.I).fullmatch
# A program that divides writes up to 17 significant digits, after up to three zeros.
_decimal = re.compile(r"([0-9]{1,6}(?:[.,][0-9]{1,20})?|[.,][0-9]{1,20})(?: ?(h|min|sec))?", re.I)
_units = re.compile(
    r"(?:([0-9]{1,4}) ?h)? ?(?:([0-9]{1,5}) ?m(?:in)?)? ?(?:([0-9]{1,2}) ?s)?", re.I
)
_clock = re.compile(
    r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?(?: ?([AP])\.? ?M\.?)?", re.IGNORECASE
).fullmatch

_SECONDS_PER_UNIT = {"h": 3600, "min": 60, "sec": 1}
_MICROSECOND = Decimal("0.000001")


@lru_cache(maxsize=CACHED)
def parse_duration(text: str) -> Decimal:
    """Seconds of a duration, to the microsecond.

    Knows `1:30` and `01:30:00` (hours first), decimal hours `1.5` and `1,5`, and a unit after
    the number: `0.79 h`, `18:25 min` (minutes and seconds), `90 min`, `25 sec`, `1h 30m`.
    Raises ValueError with a message for the user.
    """
    text = " ".join(text.split())
    if match := _hours_minutes(text):
        hours, minutes, seconds = match[1], match[2], match[3] or "0"
        return Decimal(int(hours) * 3600 + int(minutes) * 60 + int(seconds))
    if match := _minutes_seconds(text):
        return Decimal(int(match[1]) * 60 + int(match[2]))
    if match := _decimal.fullmatch(text):
        unit = (match[2] or "h").lower()
        # 20 minutes divided by 60 in floating point are a hair less: that hair is not rounded.
        value = Decimal(match[1].replace(",", ".")) * _SECONDS_PER_UNIT[unit]
        return value.quantize(_MICROSECOND, ROUND_HALF_UP)
    if (match := _units.fullmatch(text)) and any(match.groups()):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return Decimal(hours * 3600 + minutes * 60 + seconds)
    if text.startswith("-"):
        raise ValueError(f"{text[:40]} is negative.")
    raise ValueError(
        f"{text[:40]} is not a duration like 1:30, 01:30:00, 1.5, 0.79 h or 18:25 min."
    )


def parse_as_minutes_and_seconds(text: str) -> Decimal | None:
    """Seconds of `18:25` if it is minutes and seconds; None if it cannot be."""
    match = _hours_minutes(text)
    if match is None or match[3] is not None:
        return None
    return Decimal(int(match[1]) * 60 + int(match[2]))


def round_to_minutes(seconds: Decimal) -> int:
    """The nearest whole minute, half a minute rounded up."""
    return int((seconds / 60).to_integral_value(ROUND_HALF_UP))


@lru_cache(maxsize=CACHED)
def parse_time_of_day(text: str) -> int:
    """Seconds since midnight of `10:23`, `10:23:52`, `10:23 AM` or `10:23:52 pm`.

    Raises ValueError with a message for the user.
    """
    # Recent software puts a narrow no-break space before AM and PM.
    match = _clock(" ".join(text.split()))
    if match is None:
        raise ValueError(f"{text[:40]} is not a time like 22:23 or 10:23 PM.")
    hour, minute, second, half = int(match[1]), int(match[2]), int(match[3] or 0), match[4]
    if (half is not None and not 1 <= hour <= 12) or hour > 23:
        raise ValueError(f"{text[:40]} is not a time of day.")
    if half is not None:
        hour = hour % 12 + (12 if half.upper() == "P" else 0)
    return hour * 3600 + minute * 60 + second


def format_duration(seconds: Decimal) -> str:
    """`H:MM:SS`, for messages."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
