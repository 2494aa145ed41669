"""Rows of tools that record when work started and ended: Clockify, Toggl and the like."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from batch.dates import parse_date
from batch.durations import (
    SECONDS_PER_DAY,
    format_duration,
    parse_as_minutes_and_seconds,
    parse_duration,
    parse_time_of_day,
)
from batch.formats.format import Context, TimeEntry, build_row
from batch.rows import ParsedRow, Record, Remark, RowParser, SkippedRow

MAX_DIFFERENCE = 60
"""Seconds by which a duration may differ from the time between start and end."""
_HOUR = 3600
_SUNDAY = 6


@dataclass(frozen=True, slots=True)
class TimedColumns:
    """The columns of a tool. The first one that is not empty counts."""

    user: tuple[str, ...]
    duration: tuple[str, ...]
    end_date: tuple[str, ...]
    end_time: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Start and end of work, as far as the row has them. Times are seconds since midnight."""

    day: date
    start: int | None
    end_day: date | None
    end: int | None

    @property
    def crosses_midnight(self) -> bool:
        """Whether part of the work was on another day than it began."""
        if self.end_day is None or self.end_day <= self.day:
            return False
        ends_at_midnight = self.end == 0 and (self.end_day - self.day).days == 1
        return not ends_at_midnight

    @property
    def may_cross_clock_change(self) -> bool:
        """Clocks change on Sundays nearly everywhere."""
        return _SUNDAY in (self.day.weekday(), (self.end_day or self.day).weekday())

    def seconds(self) -> Decimal | None:
        """Seconds on the clock between start and end; None if one of them is missing.

        Raises ValueError with a message for the user.
        """
        if self.start is None or self.end is None:
            return None
        days = (self.end_day - self.day).days if self.end_day is not None else 0
        seconds = days * SECONDS_PER_DAY + self.end - self.start
        if seconds < 0:
            raise ValueError("The end is before the start. If it is on a later day, set End Date.")
        return Decimal(seconds)


def parse_timed(record: Record, context: Context, columns: TimedColumns) -> ParsedRow:
    """A row with a start, an end or a duration, as Clockify and Toggl write it."""
    parser = RowParser(record)
    person = parser.parse(
        "person", context.people.find, record["email"], record.first(*columns.user)
    )
    project = parser.parse("project", context.projects.find, record["client"], record["project"])
    end_date, end_time = record.first(*columns.end_date), record.first(*columns.end_time)
    span = parse_span(
        parser, context, (record["start date"], record["start time"], end_date, end_time)
    )
    if span is None:
        return parser.invalid_row()
    duration = record.first(*columns.duration)
    if span.start is not None and not (end_date or end_time or duration):
        return SkippedRow(record.line, "The timer is still running.")
    worked, remarks = parse_worked_time(parser, duration, span)
    entry = TimeEntry(
        day=span.day,
        person=person,
        project=project,
        seconds=worked,
        task=record["task"],
        note=record["description"],
        billable=record["billable"],
        start=span.start,
    )
    return build_row(parser, entry, context, remarks)


def parse_span(
    parser: RowParser, context: Context, cells: tuple[str, str, str, str]
) -> Span | None:
    """Start date and time, end date and time. None if there is no valid start date."""
    start_date, start_time, end_date, end_time = cells
    day = parser.parse("date", parse_date, start_date, context.order)
    start = parser.parse("start time", _optional_time, start_time)
    end_day = parser.parse("end date", parse_date, end_date, context.order) if end_date else None
    end = parser.parse("end time", _optional_time, end_time)
    return None if day is None else Span(day, start, end_day, end)


def parse_worked_time(
    parser: RowParser, duration: str, span: Span
) -> tuple[Decimal | None, Iterable[Remark]]:
    """Seconds of work: the duration, or else the time from start to end."""
    remarks = {Remark.OVER_MIDNIGHT} if span.crosses_midnight else set()
    if not duration:
        seconds = parser.parse("minutes", _required_seconds, span)
        if span.may_cross_clock_change:
            remarks.add(Remark.FROM_CLOCKS)
        return seconds, remarks
    worked = parser.parse("minutes", parse_duration, duration)
    try:
        elapsed = span.seconds()
    except ValueError:
        elapsed = None  # the duration counts; an end without its date says nothing
    if worked is None or elapsed is None:
        return worked, remarks
    difference = abs(worked - elapsed)
    if difference <= MAX_DIFFERENCE:
        return worked, remarks
    as_minutes = parse_as_minutes_and_seconds(duration)
    if as_minutes is not None and abs(as_minutes - elapsed) <= 1:
        parser.add_error(
            "minutes",
            f"{duration} means {format_duration(worked)} h, but start and end are "
            f"{format_duration(elapsed)} h apart. If it is minutes and seconds, "
            f"write {duration} min.",
        )
    elif abs(difference - _HOUR) <= MAX_DIFFERENCE and span.may_cross_clock_change:
        remarks.add(Remark.CLOCK_CHANGE)
    else:
        remarks.add(Remark.DURATION_DIFFERS)
    return worked, remarks


def _required_seconds(span: Span) -> Decimal:
    seconds = span.seconds()
    if seconds is None:
        raise ValueError("There is neither a duration nor a start and an end.")
    return seconds


def _optional_time(text: str) -> int | None:
    return parse_time_of_day(text) if text else None
