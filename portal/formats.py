"""Formats and parses durations, dates and numbers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_decimal

from libs.rules.calendar import Week
from portal.i18n import LANGUAGE, _, current_locale

MAX_MINUTES = 24 * 60

# With the seconds that spreadsheets show.
_CLOCK = re.compile(r"(?P<hours>\d{1,3}):(?P<minutes>[0-5]?\d)(?::00)?", re.ASCII)
_UNITS = re.compile(
    r"(?:(?P<hours>\d{1,3}(?:[.,]\d{1,2})?)\s*(?:h|hrs?|hours?|std|stunden?))?\s*"
    r"(?:(?P<minutes>\d{1,4})\s*(?:m|min|mins?|minutes?|minuten?)?)?",
    re.IGNORECASE | re.ASCII,
)
_DECIMAL = re.compile(r"\d{0,3}(?:[.,]\d{1,4})?", re.ASCII)


def parse_duration(text: str, *, is_week: bool = False) -> int | None:
    """Minutes of `1:30`, `1.5`, `1,5`, `90m`, `1h 30m` or `8`; None for an empty text.

    Raises ValueError for anything else, and for more than a day or a week.
    """
    text = text.strip()
    if not text:
        return None
    minutes = _read_duration(text)
    if minutes is None:
        raise ValueError(_("Type a duration like 1:30, 1.5 or 90m."))
    if minutes > MAX_MINUTES * 7:
        raise ValueError(_("A week has 168 hours."))
    if minutes > MAX_MINUTES and not is_week:
        raise ValueError(_("A day has 24 hours."))
    return minutes


def _read_duration(text: str) -> int | None:
    if match := _CLOCK.fullmatch(text):
        return int(match["hours"]) * 60 + int(match["minutes"])
    if re.search(r"\d", text) and _DECIMAL.fullmatch(text):
        return round(float(text.replace(",", ".")) * 60)
    match = _UNITS.fullmatch(text)
    if match is None or not (match["hours"] or match["minutes"]):
        return None
    hours = float((match["hours"] or "0").replace(",", "."))
    return round(hours * 60) + int(match["minutes"] or 0)


def duration(minutes: int | None) -> str:
    """`8:00`; nothing for None."""
    if minutes is None:
        return ""
    sign = "−" if minutes < 0 else ""
    return f"{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02}"


def hours(minutes: int) -> str:
    """Decimal hours in the language's notation, for reports."""
    return format_decimal(minutes / 60, format="#,##0.00", locale=current_locale())


def as_date(value: str | date) -> date:
    """The day itself, or that of an ISO date. Raises `ValueError`."""
    return date.fromisoformat(value) if isinstance(value, str) else value


@lru_cache(maxsize=2048)
def _skeleton(day: date, skeleton: str, _language: str) -> str:
    return format_skeleton(
        skeleton, datetime(day.year, day.month, day.day, tzinfo=UTC), locale=current_locale()
    )


@lru_cache(maxsize=2048)
def _formatted(day: date, pattern: str, _language: str) -> str:
    return format_date(day, pattern, locale=current_locale())


def weekday(value: str | date) -> str:
    """The weekday's short name in the reader's language, such as "Mon"."""
    return _formatted(as_date(value), "EEE", LANGUAGE.get())


def weekday_names() -> list[str]:
    """Short names, Monday first."""
    return [weekday(date(2026, 1, 5 + offset)) for offset in range(7)]


def day(value: str | date) -> str:
    """Day and month: `23 Nov`."""
    return _skeleton(as_date(value), "MMMd", LANGUAGE.get())


def long_day(value: str | date) -> str:
    """`Monday 23 November 2026`, as screen readers and headings show it."""
    return _formatted(as_date(value), "full", LANGUAGE.get())


def full_date(value: str | date) -> str:
    """`23 Nov 2026`."""
    return _skeleton(as_date(value), "yMMMd", LANGUAGE.get())


def month(value: str | date) -> str:
    """The month and year in the reader's language, such as "November 2026"."""
    return _skeleton(as_date(value), "yMMMM", LANGUAGE.get())


def week_range(week: str | Week) -> str:
    """`23–29 Nov 2026`."""
    parsed = Week.parse(week) if isinstance(week, str) else week
    monday, sunday = parsed.monday, parsed.sunday
    if monday.month == sunday.month:
        first = f"{monday.day}." if LANGUAGE.get() == "de" else str(monday.day)
        return f"{first}–{full_date(sunday)}"
    first = day(monday) if monday.year == sunday.year else full_date(monday)
    return f"{first} – {full_date(sunday)}"


def week_number(week: str | Week) -> int:
    """The number of the ISO week, from 1 to 53. Raises `ValueError` if the text is no week."""
    parsed = Week.parse(week) if isinstance(week, str) else week
    return parsed.monday.isocalendar()[1]


def moment(value: str, zone: str = "") -> str:
    """A moment in the person's time zone."""
    parsed = datetime.fromisoformat(value).astimezone(_zone(zone))
    time = format_time(parsed, "short", tzinfo=parsed.tzinfo, locale=current_locale())
    return f"{full_date(parsed.date())}, {time}"


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError):
        return UTC
