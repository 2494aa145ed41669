"""Rows that failed: counted, the first of them kept, all of them written to a file."""

import csv
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from batch.errors import InvalidInput

if TYPE_CHECKING:
    from _csv import Writer

MAX_KEPT = 1000


@dataclass(frozen=True, slots=True)
class FailedRow:
    """`line` is the line of the file, or 0 for an entry that is not in it. `by` is `file` if the
    row is invalid, `service` if it was rejected."""

    line: int
    field: str
    message: str
    by: str
    code: str = ""


class FailedRows:
    """Writes each failed row to `path`, if there is one.

    That file is a report and not an input: in a smaller file rows would get other external ids.
    Correct the original file and upload it again.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._writer: Writer | None = None
        self._last_line = 0
        self.kept: list[FailedRow] = []
        self.codes: Counter[str] = Counter()
        self.count = 0
        self.rows = 0

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                # With the byte order mark by which spreadsheets recognize UTF-8.
                self._file = self._path.open("w", encoding="utf-8-sig", newline="")
            except OSError as error:
                raise InvalidInput(f"{self._path} cannot be written: {error.strerror}.") from error
            self._writer = csv.writer(self._file)
            self._writer.writerow(("line", "field", "message", "row"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def are_all_written(self) -> bool:
        """Whether a file holds every failed row."""
        return self._writer is not None

    def add(self, failed: FailedRow, cells: Mapping[str, str]) -> None:
        """Count a failed row and write it to the file, with its cells as they were read."""
        self.count += 1
        self.codes[failed.code] += 1
        self.rows += failed.line != self._last_line
        self._last_line = failed.line
        if len(self.kept) < MAX_KEPT:
            self.kept.append(failed)
        if self._writer is not None:
            row = json.dumps(
                {name: cell for name, cell in cells.items() if cell}, ensure_ascii=False
            )
            texts = (failed.field, failed.message, row)
            self._writer.writerow((failed.line, *(_escape_formula(text) for text in texts)))


def _escape_formula(text: str) -> str:
    """The text with an apostrophe if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
