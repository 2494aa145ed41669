"""Files in the columns of each tool, and their conversion without a service."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from batch.conversion import Conversion, RowCounts
from batch.dates import DateOrder
from batch.external_ids import ExternalIds
from batch.failed_rows import FailedRows
from batch.formats import FORMATS, Context, columns_format
from batch.maps import PeopleMap, ProjectMap
from batch.notes import reading_notes
from batch.rows import Deletion, Row
from batch.source import Source

CLOCKIFY = (
    '"Project","Client","Description","Task","User","Group","Email","Tags","Billable",'
    '"Start Date","Start Time","End Date","End Time","Duration (h)","Duration (decimal)",'
    '"Billable Rate (USD)","Billable Amount (USD)"\n'
)
HARVEST = (
    "Date,Client,Project,Project Code,Task,Notes,Hours,Billable?,Invoiced?,Approved?,First Name,"
    "Last Name,Roles,Employee?,Billable Rate,Billable Amount,Cost Rate,Cost Amount,Currency,"
    "External Reference URL\n"
)
TOGGL = (
    "\ufeffUser,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,"
    "End time,Duration,Tags,Amount (EUR)\n"
)

Write = Callable[[str, str], Path]


@dataclass(frozen=True)
class Converted:
    rows: list[Row]
    deleted: list[str]
    counts: RowCounts
    failed: list[tuple[int, str, str]]
    notes: list[str]

    @property
    def skipped(self) -> list[tuple[int, str]]:
        return [(it.line, it.reason) for it in self.counts.first_skipped]


def convert(
    path: Path,
    file_format: str,
    *,
    order: DateOrder | None = None,
    people: dict[str, str] | None = None,
    projects: dict[str, str] | None = None,
    encoding: str = "",
    columns: Path | None = None,
    with_breaks: bool = False,
) -> Converted:
    """`projects` maps names, whatever the client."""
    codes = {f"\n{name.casefold()}": code for name, code in (projects or {}).items()}
    persons = {name.casefold(): person for name, person in (people or {}).items()}
    context = Context(PeopleMap(persons), ProjectMap(codes), with_breaks=with_breaks)
    chosen = columns_format(columns) if columns else FORMATS[file_format]
    conversion = Conversion(Source(path, encoding), chosen, context).with_order(order)
    ids, failed = ExternalIds(), FailedRows()
    counts = conversion.scan(ids, failed, lambda _bytes: None)
    body = conversion.body(ids, lambda _bytes: None)
    sent = list(decode_rows(body.chunks()))
    body.close()
    return Converted(
        rows=[row for row in sent if isinstance(row, Row)],
        deleted=[row.external_id for row in sent if isinstance(row, Deletion)],
        counts=counts,
        failed=[(it.line, it.field, it.message) for it in failed.kept],
        notes=reading_notes(conversion, counts),
    )


def decode_rows(chunks: Iterator[bytes]) -> Iterator[Row | Deletion]:
    for line in gzip.decompress(b"".join(chunks)).splitlines():
        fields = json.loads(line)
        yield Deletion(**fields) if "deleted" in fields else Row(**fields)
