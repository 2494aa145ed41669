"""Harvest's detailed time report: people by first and last name, decimal hours, no times of day."""

from batch.dates import parse_date
from batch.durations import parse_duration
from batch.formats.format import Context, Format, TimeEntry, build_row
from batch.rows import ParsedRow, Record, RowParser


def parse(record: Record, context: Context) -> ParsedRow:
    """A row of Harvest's detailed time report."""
    parser = RowParser(record)
    name = f"{record['first name']} {record['last name']}"
    names = (record["client"], record["project"], record["project code"])
    day = parser.parse("date", parse_date, record["date"], context.order)
    person = parser.parse("person", context.people.find, record["email"], name)
    project = parser.parse("project", context.projects.find, *names)
    seconds = parser.parse("minutes", parse_duration, record["hours"])
    if day is None:
        return parser.invalid_row()
    entry = TimeEntry(
        day=day,
        person=person,
        project=project,
        seconds=seconds,
        task=record["task"],
        note=record["notes"],
        billable=record["billable?"],
    )
    return build_row(parser, entry, context)


HARVEST = Format(
    name="harvest",
    title="a detailed time report of Harvest",
    required=(("date",), ("project",), ("hours",), ("first name",), ("last name",)),
    columns=frozenset(
        {
            *("date", "client", "project", "project code", "task", "notes", "hours"),
            *("billable?", "first name", "last name", "email"),
        }
    ),
    date_columns=("date",),
    parse=parse,
    language_setting="In Harvest: the language of your profile.",
)
