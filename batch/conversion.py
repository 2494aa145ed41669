"""Converts the file into the request body in three passes. None of them keeps the rows."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain

from batch.dates import DateOrder, find_date_order
from batch.external_ids import ExternalIds, deletion_of_nothing
from batch.failed_rows import FailedRow, FailedRows
from batch.formats import FORMATS, Context, Format
from batch.recognition import check_header
from batch.request_body import RequestBody
from batch.rows import (
    CellError,
    Deletion,
    Draft,
    InvalidRow,
    ParsedRow,
    Record,
    Remark,
    Row,
    SkippedRow,
)
from batch.source import Item, Progress, Source
from batch.table import MAX_COLUMNS

MAX_KEPT = 1000
MAX_LINES = 20


@dataclass(slots=True)
class RowCounts:
    """Counts of the rows in the file. `remark_lines` has the first lines of each remark.

    `unused_names` are those in objects of JSON lines that the format does not use, in order.
    """

    read: int = 0
    invalid: int = 0
    skipped: int = 0
    deletions: int = 0
    remarks: Counter[Remark] = field(default_factory=Counter)
    remark_lines: dict[Remark, list[int]] = field(default_factory=dict)
    first_skipped: list[SkippedRow] = field(default_factory=list)
    skip_reasons: Counter[str] = field(default_factory=Counter)
    first_day: str = ""
    last_day: str = ""
    unused_names: dict[str, None] = field(default_factory=dict)

    @property
    def ready(self) -> int:
        """Rows that can be sent, not counting the deletions that skipped rows cause."""
        return self.read - self.skipped - self.invalid

    @property
    def is_empty(self) -> bool:
        """Whether the file has nothing to send."""
        return not self.ready and not self.deletions

    def count(self, row: ParsedRow) -> None:
        """Count a row by what became of it."""
        self.read += 1
        match row:
            case Draft():
                self._count_draft(row)
            case SkippedRow():
                self.skipped += 1
                self.skip_reasons[row.reason] += 1
                self.deletions += row.deletion is not None
                if len(self.first_skipped) < MAX_KEPT:
                    self.first_skipped.append(row)
            case InvalidRow():
                self.invalid += 1

    def _count_draft(self, draft: Draft) -> None:
        if isinstance(draft.row, Row):
            day = draft.row.date
            self.first_day = min(self.first_day or day, day)
            self.last_day = max(self.last_day, day)
        for remark in draft.remarks:
            self.remarks[remark] += 1
            lines = self.remark_lines.setdefault(remark, [])
            if len(lines) < MAX_LINES:
                lines.append(draft.line)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A file and its format. Methods raise `InvalidInput` if the file as a whole is invalid."""

    source: Source
    file_format: Format
    context: Context

    def with_order(self, chosen: DateOrder | None) -> "Conversion":
        """With the chosen order of day and month, or the one that the whole file tells."""
        check_header(self.file_format, self.source.header, FORMATS.values())
        order = chosen
        if order is None and self.file_format.date_columns:
            order = find_date_order(self._dates())
        return replace(self, context=replace(self.context, order=order))

    def scan(self, ids: ExternalIds, failed: FailedRows, progress: Progress) -> RowCounts:
        """Parse every row: count it, report its errors, and register it with `ids`."""
        counts = RowCounts()
        finds_unused = not self.source.header.columns
        for item in self._items(progress):
            row = self._parse(item)
            counts.count(row)
            if finds_unused and len(counts.unused_names) < MAX_COLUMNS:
                unused = item.cells.keys() - self.file_format.columns - counts.unused_names.keys()
                counts.unused_names.update((name, None) for name in item.cells if name in unused)
            draft = _draft_of(row)
            if draft is not None:
                ids.add(draft)
            elif isinstance(row, InvalidRow):
                for error in row.errors:
                    failed.add(FailedRow(row.line, error.field, error.message, "file"), row.cells)
        ids.sort()
        return counts

    def body(self, ids: ExternalIds, progress: Progress, also: Iterable[str] = ()) -> RequestBody:
        """The rows with their ids. `also` are people whom a complete file covers without rows."""
        covered = ((0, deletion_of_nothing(person)) for person in also)
        return RequestBody.write(chain(self._rows(ids, progress), covered))

    def _rows(self, ids: ExternalIds, progress: Progress) -> Iterator[tuple[int, Row | Deletion]]:
        for item in self._items(progress):
            draft = _draft_of(self._parse(item))
            if draft is not None:
                yield draft.line, ids.assign(draft)

    def _items(self, progress: Progress) -> Iterator[Item]:
        return self.source.items(progress, self.file_format.aliases(self.source.header.columns))

    def _parse(self, item: Item) -> ParsedRow:
        if isinstance(item, InvalidRow):
            return item
        if nested := item.nested & self.file_format.columns:
            message = "A string, a number or a boolean is expected."
            return InvalidRow(item.line, (CellError(min(nested)[:80], message),), item.cells)
        return self.file_format.parse(item, self.context)

    def _dates(self) -> Iterator[tuple[int, str]]:
        for item in self.source.items():
            if isinstance(item, Record):
                for column in self.file_format.date_columns:
                    # A cell may hold a date and a time.
                    yield item.line, item[column].partition(" ")[0].partition("T")[0]


def _draft_of(row: ParsedRow) -> Draft | None:
    if isinstance(row, SkippedRow):
        return row.deletion
    return row if isinstance(row, Draft) else None


def day_range(counts: RowCounts) -> str:
    """The days of the rows, as --complete takes them."""
    first, last = date.fromisoformat(counts.first_day), date.fromisoformat(counts.last_day)
    return f"{first}..{last}"
