"""Any other table, whose columns the user describes in a table `column,field`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from batch.errors import InvalidInput
from batch.formats.format import Context, Format, TimeEntry, build_row
from batch.formats.ours import parse_work
from batch.formats.timed import parse_span, parse_worked_time
from batch.maps import read_table
from batch.rows import (
    Deletion,
    Draft,
    ParsedRow,
    Record,
    Remark,
    RowParser,
    SkippedRow,
    parse_boolean,
)

FIELDS = (
    *("external_id", "person", "email", "date", "client", "project", "task", "note", "billable"),
    *("minutes", "hours", "duration", "start", "end", "start_time", "end_date", "end_time"),
    "deleted",
)
"""`email` wins over `person`. `start` and `end` are a date and a time in one cell."""

_JOINED = frozenset({"person"})
"""Fields whose columns are joined, such as first and last name."""
_moment = re.compile(r"([0-9./-]+)[T ]+([0-9:. ]+[AaPp.Mm]*)(?:[+-][0-9:]{4,6})?").fullmatch
_fraction = re.compile(r"(:[0-9]{2})\.[0-9]+")


@dataclass(frozen=True, slots=True)
class ColumnsMap:
    """The columns of each field, in lower case."""

    columns: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, path: Path) -> "ColumnsMap":
        """Raises `InvalidInput`."""
        columns: dict[str, tuple[str, ...]] = {}
        for line, row in read_table(path, ("column", "field")):
            field = row["field"].lower().replace(" ", "_")
            column = " ".join(row["column"].split()).lower()
            if field not in FIELDS:
                fields = ", ".join(FIELDS)
                raise InvalidInput(
                    f"{path.name}, line {line}: there is no field {row['field'][:40]!r}. "
                    f"Fields: {fields}."
                )
            if not column:
                raise InvalidInput(f"{path.name}, line {line}: the column is empty.")
            columns[field] = (*columns.get(field, ()), column)
        return cls(columns)

    def required(self) -> tuple[tuple[str, ...], ...]:
        """Raises `InvalidInput` if a field that every row needs has no column."""
        if not {"person", "email"} & self.columns.keys():
            raise InvalidInput("--columns names no column for person or email.")
        if not {"date", "start"} & self.columns.keys():
            raise InvalidInput("--columns names no column for date or start.")
        if not {"minutes", "hours", "duration", "end", "end_time"} & self.columns.keys():
            raise InvalidInput("--columns names no column for hours, minutes, duration or end.")
        return tuple((column,) for columns in self.columns.values() for column in columns)

    def cell(self, record: Record, field: str) -> str:
        """The cell of one of our fields, by the map of columns."""
        columns = self.columns.get(field, ())
        if field in _JOINED:
            return " ".join(filter(None, (record[column] for column in columns)))
        return record.first(*columns)


def columns_format(path: Path) -> Format:
    """The format that the table describes. Raises `InvalidInput`."""
    mapping = ColumnsMap.read(path)

    def parse(record: Record, context: Context) -> ParsedRow:
        return _parse(record, context, mapping)

    used = frozenset(column for columns in mapping.columns.values() for column in columns)
    dates = [
        column
        for field in ("date", "start", "end", "end_date")
        for column in mapping.columns.get(field, ())
    ]
    return Format(
        name="columns",
        title=f"the table that {path.name} describes",
        required=mapping.required(),
        columns=used,
        date_columns=tuple(dates),
        parse=parse,
    )


def _parse(record: Record, context: Context, mapping: ColumnsMap) -> ParsedRow:
    parser = RowParser(record)
    cells = {field: mapping.cell(record, field) for field in FIELDS}
    is_deleted = parser.parse("deleted", parse_boolean, cells["deleted"])
    if is_deleted and cells["external_id"]:
        return Draft(record.line, Deletion(cells["external_id"], deleted=True))
    person = parser.parse("person", _find_person, context, cells["email"], cells["person"])
    project = parser.parse("project", context.projects.find, cells["client"], cells["project"])
    start_date, start_time = _moment_of(parser, "start", cells["start"])
    end_date, end_time = _moment_of(parser, "end", cells["end"])
    start_date, start_time = cells["date"] or start_date, cells["start_time"] or start_time
    end_date, end_time = cells["end_date"] or end_date, cells["end_time"] or end_time
    if parser.errors:
        return parser.invalid_row()
    span = parse_span(parser, context, (start_date, start_time, end_date, end_time))
    if span is None:
        return parser.invalid_row()
    amount = cells["minutes"] or cells["hours"] or cells["duration"]
    if span.start is not None and not (end_time or amount):
        return SkippedRow(record.line, "The timer is still running.")
    remarks: Iterable[Remark] = ()
    if cells["minutes"] or cells["hours"]:
        seconds = parser.parse("minutes", parse_work, cells["minutes"], cells["hours"])
    else:
        seconds, remarks = parse_worked_time(parser, cells["duration"], span)
    entry = TimeEntry(
        day=span.day,
        person=person,
        project=project,
        seconds=seconds,
        task=cells["task"],
        note=cells["note"],
        billable=cells["billable"],
        start=span.start,
        external_id=cells["external_id"],
    )
    return build_row(parser, entry, context, remarks)


def _find_person(context: Context, email: str, person: str) -> str:
    """The service judges a person that no table names: it may be a sub or an external id."""
    if email or not person:
        return context.people.find(email, person)
    return context.people.find(person, "")


def _moment_of(parser: RowParser, name: str, text: str) -> tuple[str, str]:
    """Date and time of `2026-11-23 09:00`, `2026-11-23T09:00:00+01:00` or `23/11/2026 9:00 AM`.

    The offset is ignored: the local day and time count. UTC is an error, because it does not
    tell them.
    """
    if not text:
        return "", ""
    text = _fraction.sub(r"\1", " ".join(text.split()))
    match = _moment(text)
    if match is None or _is_utc(text):
        reason = "UTC does not tell the local day" if _is_utc(text) else "not understood"
        parser.add_error(name, f"{text[:40]}: {reason}; a local date and time are expected.")
        return "", ""
    return match[1], match[2].strip()


def _is_utc(text: str) -> bool:
    return text.upper().endswith(("Z", "+00:00", "+0000"))
