"""Clockify's detailed report. Project, Client, Task and Billable come and go with the settings of
the workspace, the duration with what was chosen for the export."""

from batch.formats.format import Context, Format
from batch.formats.timed import Columns, read_timed
from batch.rows import Reading, Record

COLUMNS = Columns(
    user=("user",),
    # To the second first; a decimal one has two digits, which is half a minute.
    duration=("duration (h)", "duration", "duration (decimal)"),
    end_date=("end date",),
    end_time=("end time",),
)


def read(record: Record, context: Context) -> Reading:
    return read_timed(record, context, COLUMNS)


CLOCKIFY = Format(
    name="clockify",
    title="a detailed report of Clockify",
    required=(
        ("project",),
        ("user", "email"),
        ("start date",),
        ("duration (h)", "duration", "duration (decimal)", "end time"),
        # Toggl has a user and a start date too, but neither of these.
        ("group", "duration (h)", "duration (decimal)"),
    ),
    dates=("start date", "end date", "date of creation"),
    read=read,
)
