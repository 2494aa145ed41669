"""Clockify's detailed report.

Project, Client, Task and Billable depend on the settings of the workspace, which can also rename
the first two and Task; the duration depends on what was chosen for the export.
"""

from batch.formats.format import Context, Format
from batch.formats.timed import TimedColumns, parse_timed
from batch.rows import ParsedRow, Record, SkippedRow

TIMED = TimedColumns(
    user=("user",),
    # The one to the second first: decimal hours have two digits, which is half a minute.
    duration=("duration (h)", "duration", "duration (decimal)"),
    end_date=("end date",),
    end_time=("end time",),
)
COLUMNS = frozenset(
    {
        *("project", "client", "description", "task", "user", "email", "type", "billable"),
        *("start date", "start time", "end date", "end time"),
        *("duration (h)", "duration", "duration (decimal)"),
    }
)
# Columns that the reader does not use, at the places where Clockify writes them.
UNUSED = frozenset({"group", "tags", "invoiced", "invoice id", "date of creation", "approval"})
NOT_WORK = {
    "break": "A break.",
    "time off": "Time off.",
    "holiday": "A holiday.",
}


def find_aliases(columns: tuple[str, ...]) -> dict[str, str]:
    """Clockify writes the task between Description and User, whatever its name is, and the
    project first."""
    aliases = {}
    unknown = [name for name in columns if name and name not in COLUMNS | UNUSED]
    if "task" not in columns and {"description", "user"} <= set(columns):
        between = columns[columns.index("description") + 1 : columns.index("user")]
        if len(between) == 1 and between[0] in unknown:
            aliases[between[0]] = "task"
    if "project" not in columns and columns and columns[0] in unknown:
        aliases[columns[0]] = "project"
    return aliases


def parse(record: Record, context: Context) -> ParsedRow:
    """A row of Clockify's detailed report."""
    reason = NOT_WORK.get(record["type"].lower())
    if reason is not None and not context.with_breaks:
        return SkippedRow(record.line, reason)
    return parse_timed(record, context, TIMED)


CLOCKIFY = Format(
    name="clockify",
    title="a detailed report of Clockify",
    required=(
        ("project",),
        ("user", "email"),
        ("start date",),
        ("duration (h)", "duration", "duration (decimal)", "end time"),
        # Toggl has a user and a start date too, but none of these.
        ("group", "duration (h)", "duration (decimal)"),
    ),
    columns=COLUMNS,
    date_columns=("start date", "end date", "date of creation"),
    parse=parse,
    aliases=find_aliases,
    language_setting="In Clockify: Profile settings > Preferences > General > Language.",
)
