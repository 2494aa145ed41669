"""Rows that did not make it, counted, the first of them kept, all of them written to a file."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from batch.outcome import Misuse

if TYPE_CHECKING:
    from _csv import Writer

KEPT = 1000


@dataclass(frozen=True, slots=True)
class Refusal:
    """`line` is that of the file; `by` says who refused: the file's reader or the service."""

    line: int
    field: str
    message: str
    by: str


class Refusals:
    """Where `path` is given, each refusal is written there with its row.

    That file is for reading. Uploading it after mending would number its rows anew; what is to
    be mended and sent again is the file they came from.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._writer: Writer | None = None
        self._last_line = 0
        self.kept: list[Refusal] = []
        self.count = 0
        self.rows = 0

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                # With the mark that lets spreadsheets read it as UTF-8.
                self._file = self._path.open("w", encoding="utf-8-sig", newline="")
            except OSError as error:
                raise Misuse(f"{self._path} cannot be written: {error.strerror}.") from error
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
    def wants_all(self) -> bool:
        return self._writer is not None

    def add(self, refusal: Refusal, cells: Mapping[str, str]) -> None:
        self.count += 1
        self.rows += refusal.line != self._last_line
        self._last_line = refusal.line
        if len(self.kept) < KEPT:
            self.kept.append(refusal)
        if self._writer is not None:
            row = json.dumps(
                {name: cell for name, cell in cells.items() if cell}, ensure_ascii=False
            )
            texts = (refusal.field, refusal.message, row)
            self._writer.writerow((refusal.line, *(_defused(text) for text in texts)))


def _defused(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
