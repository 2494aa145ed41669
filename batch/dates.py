"""Dates as other tools write them. Which of day and month comes first is never guessed."""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from batch.outcome import Misuse

_year_first = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})").fullmatch
_year_last = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})").fullmatch


class DateOrder(StrEnum):
    MONTH_FIRST = "mdy"
    DAY_FIRST = "dmy"


def read_date(text: str, order: DateOrder | None) -> date:
    """Raises ValueError with words for people."""
    if match := _year_first(text):
        return _date(text, int(match[1]), int(match[3]), int(match[4]))
    match = _year_last(text)
    if match is None:
        raise ValueError(_unreadable(text))
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if match[2] == ".":  # nobody writes the month first and dots
        order = DateOrder.DAY_FIRST
    if order is None and first != second:
        raise ValueError(f"{text} can be read in two ways: give --date-order.")
    if order is DateOrder.DAY_FIRST:
        return _date(text, year, second, first)
    return _date(text, year, first, second)


def _date(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"There is no day {text}.") from None


def _unreadable(text: str) -> str:
    if not text:
        return "The date is missing."
    return f"{text[:40]} is not a date with a year of four digits."


def date_order(dates: Iterable[tuple[int, str]]) -> DateOrder | None:
    """The order in which all dates of a file make sense; None where none needs it.

    `dates` are (line, text). Raises `Misuse` where they contradict each other, or where every
    one of them could be read both ways.
    """
    seen: dict[DateOrder | None, tuple[int, str]] = {}
    for line, text in dates:
        match = _year_last(text)
        if match is not None and match[2] != "." and match[1] != match[3]:
            seen.setdefault(_only_order(int(match[1]), int(match[3])), (line, text))
    day_first, month_first = seen.get(DateOrder.DAY_FIRST), seen.get(DateOrder.MONTH_FIRST)
    if day_first and month_first:
        raise Misuse(
            f"Line {day_first[0]} has {day_first[1]}, line {month_first[0]} has {month_first[1]}: "
            "no one order of day and month fits both. Give --date-order; "
            "the dates that do not fit it are then told one by one."
        )
    if day_first or month_first:
        return DateOrder.DAY_FIRST if day_first else DateOrder.MONTH_FIRST
    if None in seen:
        raise Misuse(_question(*seen[None]))
    return None


def _only_order(first: int, second: int) -> DateOrder | None:
    """The order in which the two make sense; None where both do, or none."""
    if first > 12 >= second:
        return DateOrder.DAY_FIRST
    return DateOrder.MONTH_FIRST if second > 12 >= first else None


def _question(line: int, text: str) -> str:
    month_first = read_date(text, DateOrder.MONTH_FIRST)
    day_first = read_date(text, DateOrder.DAY_FIRST)
    return (
        f"Every date in the file can be read in two ways, {text} in line {line} for one: give "
        f"--date-order mdy if it is {month_first.day} {month_first:%B %Y}, "
        f"dmy if it is {day_first.day} {day_first:%B %Y}."
    )
