"""The columns of our own API, as CSV, XLSX or JSON lines. Codes and persons are sent unchanged
unless a map translates them."""

import re
from collections.abc import Iterable
from decimal import Decimal

from batch.dates import parse_iso_date
from batch.durations import parse_duration, round_to_minutes
from batch.formats.format import Context, Format, TimeEntry, build_row
from batch.rows import (
    Deletion,
    Draft,
    ParsedRow,
    Record,
    RowParser,
    SkippedRow,
    parse_boolean,
)

COLUMNS = frozenset(
    {
        *("external_id", "person", "date", "project", "minutes"),
        *("hours", "task", "note", "billable", "deleted"),
    }
)

# The other columns of an export of entries, and those by which such a file is recognised.
EXPORT_COLUMNS = frozenset(
    {
        *("id", "name", "email", "employer", "kind", "external_ids", "week", "state"),
        *("project_name", "customer", "source", "version", "updated_at"),
    }
)
EXPORT_MARKS = frozenset({"id", "state", "version"})

# In CSV the export puts an apostrophe before texts that a spreadsheet would evaluate.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

# pandas writes whole numbers as 90.0 if a cell of the column is empty.
_whole = re.compile(r"(-?[0-9]{1,9})(?:\.0+)?").fullmatch


def parse(record: Record, context: Context) -> ParsedRow:
    """A row of our own format: an entry, or a deletion."""
    parser = RowParser(record)
    exported = ignored(record.cells)
    unknown = [name for name in record.cells if name not in COLUMNS and name not in exported]
    if unknown:
        parser.add_error(unknown[0][:80], "There is no such field.")
    if exported and _is_total(record):
        return SkippedRow(record.line, "The totals of the export.")
    clean = _unguarded if exported and record.is_csv else str
    if parser.parse("deleted", parse_boolean, record["deleted"]):
        return _deletion(parser, context)
    day = parser.parse("date", parse_iso_date, record["date"])
    person = parser.parse("person", context.people.find, record["person"], "")
    project = parser.parse("project", context.projects.find, "", record["project"])
    seconds = parser.parse("minutes", parse_work, record["minutes"], record["hours"])
    if day is None:
        return parser.invalid_row()
    entry = TimeEntry(
        day=day,
        person=person,
        project=project,
        seconds=seconds,
        task=clean(record["task"]),
        note=clean(record["note"]),
        billable=record["billable"],
        external_id=clean(record["external_id"]) or record["id"],
    )
    return build_row(parser, entry, context)


def ignored(columns: Iterable[str]) -> frozenset[str]:
    """The columns that are not used: those of an export of entries."""
    return EXPORT_COLUMNS if EXPORT_MARKS.issubset(columns) else frozenset()


def _is_total(record: Record) -> bool:
    """Whether this is the last row of a workbook, which adds up the others."""
    return record["id"] == "Total" and not record["person"] and not record["date"]


def _unguarded(text: str) -> str:
    is_guarded = text.startswith("'") and text.lstrip("'").startswith(_FORMULA_STARTS)
    return text[1:] if is_guarded else text


def _deletion(parser: RowParser, context: Context) -> ParsedRow:
    external_id, name = parser.record["external_id"], parser.record["person"]
    if not external_id:
        parser.add_error("external_id", "A deleted row needs the external_id of its entry.")
    if parser.errors:
        return parser.invalid_row()
    person = context.people.find(name, "") if name else None
    return Draft(parser.record.line, Deletion(external_id, deleted=True, person=person))


def parse_work(minutes: str, hours: str) -> Decimal:
    """Seconds of whole minutes, of hours, or of both if they agree.

    Raises ValueError with a message for the user.
    """
    worked = parse_duration(hours) if hours else None
    if not minutes:
        if worked is None:
            raise ValueError("There are neither minutes nor hours.")
        return worked
    match = _whole(minutes)
    if match is None or int(match[1]) < 0:
        raise ValueError(f"{minutes[:40]} is not a whole number of minutes.")
    whole = int(match[1])
    if worked is not None and round_to_minutes(worked) != whole:
        raise ValueError(f"{whole} minutes and {hours[:40]} hours differ.")
    return Decimal(whole * 60)


OURS = Format(
    name="ours",
    title="a file in our own columns",
    required=(
        # A file of nothing but deletions needs no other columns than external_id and deleted.
        ("person", "deleted"),
        ("date", "deleted"),
        ("project", "deleted"),
        ("minutes", "hours", "deleted"),
    ),
    columns=COLUMNS,
    date_columns=(),
    parse=parse,
    is_strict=True,
    ignored=ignored,
    is_own=True,
)
