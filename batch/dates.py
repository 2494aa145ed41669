"""Dates as time trackers write them. The order of day and month is never guessed."""

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from batch.errors import InvalidInput

CACHED = 4096
"""Files contain few different dates: looking one up is faster than parsing it again."""

_iso = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})").fullmatch
_year_first = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})").fullmatch
_year_last = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})").fullmatch


class DateOrder(StrEnum):
    """Which part of a date like 03/04/2026 comes first."""

    MONTH_FIRST = "mdy"
    DAY_FIRST = "dmy"


@dataclass(frozen=True, slots=True)
class DateRange:
    """Two days, both included."""

    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> "DateRange":
        """Parse `2026-11-01..2026-11-30`. Raises ValueError with a message for the user."""
        first, separator, last = text.strip().partition("..")
        if not separator:
            raise ValueError(f"{text[:40]} is not a range of days like 2026-11-01..2026-11-30.")
        days = cls(parse_iso_date(first.strip()), parse_iso_date(last.strip()))
        if days.last < days.first:
            raise ValueError(f"{days.last} is before {days.first}.")
        return days

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


@lru_cache(maxsize=CACHED)
def parse_iso_date(text: str) -> date:
    """Parse `2026-11-23` and nothing else. Raises ValueError with a message for the user."""
    if not text:
        raise ValueError("The date is missing.")
    match = _iso(text)
    if match is None:
        raise ValueError(f"{text[:40]} is not a date like 2026-11-23.")
    return _date(text, int(match[1]), int(match[2]), int(match[3]))


@lru_cache(maxsize=CACHED)
def parse_date(text: str, order: DateOrder | None) -> date:
    """Parse a numeric date with a four-digit year, separated by dashes, slashes or dots.

    `order` always wins. Without it, dots mean day first, and any other date must have only one
    reading. Raises ValueError with a message for the user.
    """
    if match := _year_first(text):
        return _date(text, int(match[1]), int(match[3]), int(match[4]))
    match = _year_last(text)
    if match is None:
        raise ValueError(_not_a_date(text))
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if order is None:
        order = DateOrder.DAY_FIRST if match[2] == "." else _only_order(text, first, second)
    if order is DateOrder.DAY_FIRST:
        return _date(text, year, second, first)
    return _date(text, year, first, second)


def find_date_order(dates: Iterable[tuple[int, str]]) -> DateOrder | None:
    """The order in which all dates of a file make sense; None if no date depends on it.

    `dates` are pairs of line and text. Dates that are impossible in any order are ignored: their
    rows are reported one by one. Raises `InvalidInput` if the dates contradict each other or if
    each of them has two readings.
    """
    seen: dict[DateOrder | None, tuple[int, str]] = {}
    for line, text in dates:
        match = _year_last(text)
        if match is None or match[2] == ".":
            continue
        first, second = int(match[1]), int(match[3])
        orders = _possible_orders(first, second)
        if first != second and orders:
            seen.setdefault(orders[0] if len(orders) == 1 else None, (line, text))
    day_first, month_first = seen.get(DateOrder.DAY_FIRST), seen.get(DateOrder.MONTH_FIRST)
    if day_first and month_first:
        raise InvalidInput(
            f"Line {day_first[0]} has {day_first[1]}, line {month_first[0]} has {month_first[1]}: "
            "no order of day and month fits both. Use --date-order; "
            "dates that do not fit it are then reported row by row."
        )
    if day_first or month_first:
        return DateOrder.DAY_FIRST if day_first else DateOrder.MONTH_FIRST
    if None in seen:
        raise InvalidInput(_question(*seen[None]))
    return None


def _possible_orders(first: int, second: int) -> list[DateOrder]:
    """The orders in which the two numbers can be a day and a month."""
    orders = []
    if 1 <= first <= 12 and 1 <= second <= 31:
        orders.append(DateOrder.MONTH_FIRST)
    if 1 <= second <= 12 and 1 <= first <= 31:
        orders.append(DateOrder.DAY_FIRST)
    return orders


def _only_order(text: str, first: int, second: int) -> DateOrder:
    orders = _possible_orders(first, second)
    if len(orders) == 2 and first != second:
        raise ValueError(f"{text} has two readings: use --date-order.")
    if not orders and 0 in (first, second):
        raise ValueError(f"{text} is not a date: days and months start at 1.")
    if not orders and min(first, second) > 12:
        raise ValueError(f"{text} is not a date: neither {first} nor {second} is a month.")
    return orders[0] if orders else DateOrder.MONTH_FIRST


def _date(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{text} is not a date: {_reason(year, month, day)}.") from None


def _reason(year: int, month: int, day: int) -> str:
    if year == 0 or month == 0 or day == 0:
        return "years, months and days start at 1"
    if month > 12:
        return f"there is no month {month}"
    days = monthrange(year, month)[1]
    return f"{date(year, month, 1):%B %Y} has {days} days, not {day}"


def _not_a_date(text: str) -> str:
    if not text:
        return "The date is missing."
    return f"{text[:40]} is not a date with a four-digit year."


def _question(line: int, text: str) -> str:
    month_first = parse_date(text, DateOrder.MONTH_FIRST)
    day_first = parse_date(text, DateOrder.DAY_FIRST)
    return (
        f"Every date in the file has two readings, for example {text} in line {line}. Use "
        f"--date-order mdy if it is {month_first.day} {month_first:%B %Y}, "
        f"--date-order dmy if it is {day_first.day} {day_first:%B %Y}."
    )
