"""Harvest's detailed time report: people by first and last name, decimal hours, no clock."""

from batch.dates import read_date
from batch.durations import read_duration
from batch.formats.format import Context, Format, Work, drafted
from batch.rows import Attempt, Reading, Record


def read(record: Record, context: Context) -> Reading:
    attempt = Attempt(record)
    first, last = record["first name"], record["last name"]
    client, project, code = record["client"], record["project"], record["project code"]
    person = attempt.take("person", context.people.find, record["email"], f"{first} {last}")
    chosen = attempt.take("project", context.projects.find, client, project, code)
    day = attempt.take("date", read_date, record["date"], context.order)
    seconds = attempt.take("minutes", read_duration, record["hours"])
    if day is None:
        return attempt.unreadable()
    work = Work(
        person=(first, last),
        day=day,
        start=None,
        project=(client, project, code),
        task=record["task"],
        note=record["notes"],
        billable=record["billable?"],
    )
    return drafted(attempt, work, person, chosen, seconds)


HARVEST = Format(
    name="harvest",
    title="a detailed time report of Harvest",
    required=(("date",), ("project",), ("hours",), ("first name",), ("last name",)),
    dates=("date",),
    read=read,
)
