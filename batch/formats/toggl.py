"""Toggl Track's detailed report and its export of time entries, in older and newer columns."""

from batch.formats.format import Context, Format
from batch.formats.timed import TimedColumns, parse_timed
from batch.rows import ParsedRow, Record

TIMED = TimedColumns(
    user=("user", "member"),
    duration=("duration",),
    end_date=("end date", "stop date"),
    end_time=("end time", "stop time"),
)


def parse(record: Record, context: Context) -> ParsedRow:
    """A row of Toggl Track's detailed report."""
    return parse_timed(record, context, TIMED)


TOGGL = Format(
    name="toggl",
    title="a detailed report of Toggl Track",
    required=(
        ("project",),
        ("user", "member", "email"),
        ("start date",),
        ("duration", "end time", "stop time"),
    ),
    columns=frozenset(
        {
            *("project", "client", "description", "task", "user", "member", "email", "billable"),
            *("start date", "start time", "end date", "end time", "stop date", "stop time"),
            "duration",
        }
    ),
    date_columns=("start date", "end date", "stop date"),
    parse=parse,
    foreign=frozenset({"group", "duration (h)", "duration (decimal)"}),
    language_setting="In Toggl Track: the language of the account's profile.",
)
