"""Durations as people type and read them; always whole minutes."""

from __future__ import annotations

import re

from mobile.core.rules import MAX_MINUTES_A_DAY

# A bare number up to this is hours, above it minutes: nobody types 90 and means hours.
MOST_BARE_HOURS = 24

_CLOCK = re.compile(r"([0-9]{0,3}):([0-5]?[0-9])")
_UNITS = re.compile(r"(?:([0-9]+(?:[.,][0-9]*)?)h(?:([0-9]{1,2})m?)?|([0-9]+)m)")
_NUMBER = re.compile(r"[0-9]*[.,]?[0-9]+|[0-9]+[.,]")
_WORDS = (("hours", "h"), ("hour", "h"), ("std", "h"), ("minutes", "m"), ("min", "m"))


class NotADuration(ValueError):
    """The typed text is no duration between a minute and a day."""


def parse_duration(text: str) -> int:
    """The minutes that "1:30", "1.5", "1,5", "90m", "1h 30m", "8" or "90" stand for.

    Raises `NotADuration`, also for zero and for more than a day.
    """
    minutes = _read("".join(text.lower().split()))
    if minutes is None or not 1 <= minutes <= MAX_MINUTES_A_DAY:
        raise NotADuration(text)
    return minutes


def _read(text: str) -> int | None:
    for word, unit in _WORDS:
        text = text.replace(word, unit)
    if clock := _CLOCK.fullmatch(text):
        return int(clock[1] or 0) * 60 + int(clock[2])
    if units := _UNITS.fullmatch(text):
        if units[3]:
            return int(units[3])
        return _hours(units[1]) + int(units[2] or 0)
    if _NUMBER.fullmatch(text):
        whole = text.isdecimal() and int(text) > MOST_BARE_HOURS
        return int(text) if whole else _hours(text)
    return None


def _hours(text: str) -> int:
    """Decimal hours in minutes, halves rounded up, without the errors of binary fractions."""
    whole, _, part = text.replace(",", ".").partition(".")
    fraction = int(part or 0) * 600 // int(10 ** len(part))
    return int(whole or 0) * 60 + (fraction + 5) // 10


def format_duration(minutes: int) -> str:
    """`1:30`; zero is `0:00`."""
    return f"{minutes // 60}:{minutes % 60:02}"
