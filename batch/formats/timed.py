"""Rows of tools that write down when work began: Clockify and Toggl."""

from dataclasses import dataclass
from decimal import Decimal

from batch.dates import read_date
from batch.durations import read_duration
from batch.formats.format import Context, Span, Work, drafted, read_optional_clock
from batch.rows import Attempt, Reading, Record


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a tool keeps what; of several names the first that is not empty counts."""

    user: tuple[str, ...]
    duration: tuple[str, ...]
    end_date: tuple[str, ...]
    end_time: tuple[str, ...]


def read_timed(record: Record, context: Context, columns: Columns) -> Reading:
    attempt = Attempt(record)
    email, name = record["email"], record.first(*columns.user)
    client, project = record["client"], record["project"]
    person = attempt.take("person", context.people.find, email, name)
    code = attempt.take("project", context.projects.find, client, project)
    span = _span(attempt, context, columns)
    if span is None:
        return attempt.unreadable()
    work = Work(
        person=(email or name,),
        day=span.day,
        start=span.start,
        project=(client, project),
        task=record["task"],
        note=record["description"],
        billable=record["billable"],
        crosses_midnight=span.crosses_midnight,
    )
    seconds = attempt.take("minutes", _seconds, record.first(*columns.duration), span)
    return drafted(attempt, work, person, code, seconds)


def _span(attempt: Attempt, context: Context, columns: Columns) -> Span | None:
    record, order = attempt.record, context.order
    day = attempt.take("date", read_date, record["start date"], order)
    start = attempt.take("start time", read_optional_clock, record["start time"])
    end_text = record.first(*columns.end_date)
    end_day = attempt.take("end date", read_date, end_text, order) if end_text else None
    end = attempt.take("end time", read_optional_clock, record.first(*columns.end_time))
    return None if day is None else Span(day, start, end_day, end)


def _seconds(duration: str, span: Span) -> Decimal:
    return read_duration(duration) if duration else span.seconds()
