"""A table with a header, from CSV text or from a worksheet."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Self, TypeVar

from batch.errors import InvalidInput
from batch.rows import CellError, InvalidRow, Record

if TYPE_CHECKING:
    from _csv import Reader

MAX_COLUMNS = 1000
MAX_HEAD = 10
"""Lines among which the header must be."""

T = TypeVar("T")

Line = tuple[int, list[str]] | InvalidRow
"""The number of a row's first line and its cells."""


class _Lines:
    """Passes lines on and remembers whether the last one was complete."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.ends_with_newline = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.ends_with_newline = line.endswith(("\n", "\r"))
        return line


@dataclass(slots=True)
class Table:
    """`columns` are in lower case, `labels` as in the file. `skipped_lines` are above the header.

    `text` is set for CSV: its last row may have been cut off.
    """

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    lines: Iterator[Line]
    skipped_lines: int = 0
    sheet: str = ""
    text: _Lines | None = None

    @classmethod
    def of_text(cls, name: str, first: str, rest: Iterator[str], min_columns: int) -> Self:
        """Raises `InvalidInput` if there is no header.

        Excel writes a first line `sep=;` to name the delimiter.
        """
        declared = _declared_delimiter(first)
        unread = rest if declared else chain([first], rest)
        filled = partial(_filled_in_text, delimiter=declared)
        head, index = _read_head(unread, filled, min_columns)
        text = _Lines(chain(filter(None, head[index:]), rest))
        delimiter = declared or _likely_delimiter("".join(head[index : index + 1]))
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        lines = _csv_lines(name, reader, index + bool(declared))
        return cls._with_header(name, lines, index, text=text)

    @classmethod
    def of_sheet(cls, name: str, sheet: str, rows: Iterator[list[str]], min_columns: int) -> Self:
        """Raises `InvalidInput` if there is no header."""
        head, index = _read_head(rows, _filled, min_columns)
        lines: Iterator[Line] = enumerate(chain(head[index:], rows), start=index + 1)
        return cls._with_header(name, lines, index, sheet=sheet)

    @classmethod
    def _with_header(
        cls,
        name: str,
        lines: Iterator[Line],
        skipped_lines: int,
        *,
        sheet: str = "",
        text: _Lines | None = None,
    ) -> Self:
        first = next(lines, None)
        if isinstance(first, InvalidRow):
            raise InvalidInput(f"The column names of {name} cannot be read: a quote is misplaced.")
        labels = tuple(" ".join(cell.split()) for cell in first[1]) if first else ()
        while labels and not labels[-1]:
            labels = labels[:-1]
        columns = tuple(label.lower() for label in labels)
        if not any(columns):
            raise InvalidInput(f"{name} is empty: it does not even contain column names.")
        if len(columns) > MAX_COLUMNS:
            raise InvalidInput(f"{name} has more than {MAX_COLUMNS} columns.")
        twice = next((column for column in columns if column and columns.count(column) > 1), None)
        if twice is not None:
            raise InvalidInput(f"{name} has the column {twice} twice.")
        return cls(name, columns, labels, lines, skipped_lines, sheet, text)

    def rows(self, aliases: Mapping[str, str]) -> Iterator[Record | InvalidRow]:
        """Each row that is not blank, its columns renamed by `aliases`."""
        names = tuple(aliases.get(column, column) for column in self.columns)
        widest = 0
        for line in self.lines:
            if isinstance(line, InvalidRow):
                yield line
                continue
            number, cells = line
            if not any(cell and not cell.isspace() for cell in cells):
                continue
            if self._is_cut_off(len(cells), widest):
                yield _cut_off(number, cells, len(names))
                continue
            widest = max(widest, len(cells))
            if self.text is None:  # a worksheet has no trailing empty cells
                cells += [""] * (len(names) - len(cells))
            yield _record(number, names, cells, is_csv=self.text is not None)

    def _is_cut_off(self, count: int, widest: int) -> bool:
        """Whether the row is the last one, has no line break, and lacks cells that others have.

        A file whose transfer broke off ends like this, and its last cell may be cut too.
        """
        if self.text is None or self.text.ends_with_newline:
            return False
        return count < len(self.columns) and (count < widest or widest == 0)


def _csv_lines(name: str, reader: "Reader", offset: int) -> Iterator[Line]:
    while True:
        line = reader.line_num + 1 + offset
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _malformed(name, line, reader.line_num + offset, error)
            continue
        yield line, cells


def _malformed(name: str, line: int, last: int, error: csv.Error) -> InvalidRow:
    if "unexpected end" in str(error) or "field limit" in str(error) or last > line:
        # The rows that follow are inside the quotes: going on would drop them silently.
        raise InvalidInput(
            f"{name}, line {line}: a quote opens there and never closes, "
            "so nothing after it can be read."
        ) from error
    return InvalidRow(line, (CellError("row", "The quotes of this row do not match."),))


def _declared_delimiter(line: str) -> str:
    text = line.strip().strip('"')
    return text[4:5] if text.lower().startswith("sep=") else ""


def _likely_delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _read_head(
    lines: Iterable[T], filled: Callable[[T], int], min_columns: int
) -> tuple[list[T], int]:
    """The lines up to the header, and its index among them.

    The header is the first line with enough filled cells, or else the first that is not blank.
    """
    head: list[T] = []
    for line in islice(lines, MAX_HEAD):
        head.append(line)
        if filled(line) >= min_columns:
            return head, len(head) - 1
    return head, next((index for index, line in enumerate(head) if filled(line)), 0)


def _filled_in_text(line: str, delimiter: str) -> int:
    return _filled(line.split(delimiter or _likely_delimiter(line)))


def _filled(cells: list[str]) -> int:
    return sum(1 for cell in cells if cell.strip().strip('"'))


def _cut_off(line: int, cells: list[str], expected: int) -> InvalidRow:
    return InvalidRow(
        line,
        (
            CellError(
                "row",
                f"The file seems to be cut off here: its last row has {len(cells)} of "
                f"{expected} cells and no line break.",
            ),
        ),
    )


def _record(
    line: int, names: tuple[str, ...], cells: list[str], *, is_csv: bool
) -> Record | InvalidRow:
    if len(cells) > len(names):
        extra = [cell for cell in cells[len(names) :] if cell.strip()]
        if extra:
            message = (
                f"{len(names)} cells are expected, {len(cells)} found: a quote is missing, "
                "or there is a comma too many."
            )
            return InvalidRow(line, (CellError("row", message),))
    pairs = zip(names, [cell.strip() for cell in cells], strict=False)
    return Record(line, dict(pairs), is_short=len(cells) < len(names), is_csv=is_csv)
