"""Toggl Track's detailed report, in its older and newer column names."""

from batch.formats.format import Context, Format
from batch.formats.timed import Columns, read_timed
from batch.rows import Reading, Record

COLUMNS = Columns(
    user=("user", "member"),
    duration=("duration",),
    end_date=("end date", "stop date"),
    end_time=("end time", "stop time"),
)


def read(record: Record, context: Context) -> Reading:
    return read_timed(record, context, COLUMNS)


TOGGL = Format(
    name="toggl",
    title="a detailed report of Toggl Track",
    required=(
        ("project",),
        ("user", "member", "email"),
        ("start date",),
        ("duration", "end time", "stop time"),
    ),
    dates=("start date", "end date", "stop date"),
    read=read,
)
