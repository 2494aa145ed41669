"""Our own columns, as CSV or JSON lines. They are sent as they stand; the service judges them."""

import re
from datetime import date
from decimal import Decimal

from batch.durations import read_duration
from batch.formats.format import Context, Format, Work, drafted
from batch.rows import Attempt, Mistake, Reading, Record

COLUMNS = frozenset(
    {
        *("external_id", "person", "date", "project", "minutes"),
        *("hours", "task", "note", "billable"),
    }
)

_whole = re.compile(r"-?[0-9]{1,9}").fullmatch


def read(record: Record, context: Context) -> Reading:
    attempt = Attempt(record)
    unknown = [name for name in record.cells if name not in COLUMNS]
    if unknown:
        attempt.mistakes.append(Mistake(unknown[0][:80], "This field is not known."))
    person = attempt.take("person", context.people.find, record["person"], "")
    project = attempt.take("project", context.projects.find, "", record["project"])
    day = attempt.take("date", _day, record["date"])
    seconds = attempt.take("minutes", _seconds, record["minutes"], record["hours"])
    if day is None:
        return attempt.unreadable()
    work = Work(
        person=(record["person"],),
        day=day,
        start=None,
        project=(record["project"],),
        task=record["task"],
        note=record["note"],
        billable=record["billable"],
        external_id=record["external_id"],
    )
    return drafted(attempt, work, person, project, seconds)


def _day(text: str) -> date:
    if not text:
        raise ValueError("The date is missing.")
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{text[:40]} is not a date like 2026-11-23.")


def _seconds(minutes: str, hours: str) -> Decimal:
    if minutes and hours:
        raise ValueError("Either minutes or hours are expected, not both.")
    if hours:
        return read_duration(hours)
    if not minutes:
        raise ValueError("There are neither minutes nor hours.")
    if not _whole(minutes) or int(minutes) < 0:
        raise ValueError(f"{minutes[:40]} is not a whole number of minutes.")
    return Decimal(int(minutes) * 60)


OURS = Format(
    name="ours",
    title="a file in our own columns",
    required=(("person",), ("date",), ("project",), ("minutes", "hours")),
    dates=(),
    read=read,
    allowed=COLUMNS,
)
