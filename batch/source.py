"""The input file, read row by row as often as needed."""

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from batch.encoding import WINDOWS, detect_encoding, is_wide
from batch.errors import InvalidInput
from batch.json_lines import is_json, read_json_lines
from batch.rows import InvalidRow, Record
from batch.table import Table
from batch.workbook import is_workbook, read_workbook

MAX_LINE = 1 << 20
"""Bytes, or characters where a character takes several bytes."""
ROWS_PER_TICK = 2000
"""Rows between two reports of progress."""

Item = Record | InvalidRow
Progress = Callable[[int], None]
"""Receives the bytes of the file that have been read so far."""

_FOREIGN_FILES = (
    (b"\xd0\xcf\x11\xe0", "an Excel workbook of the old kind (.xls): save it as .xlsx or CSV"),
    (b"%PDF", "a PDF document: export CSV or XLSX instead"),
    (b"<", "an HTML or XML document: export CSV or XLSX instead"),
    (b"PK\x03\x04", "a ZIP archive but not an Excel workbook: unpack it, or save it as .xlsx"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """`columns` are in lower case, and empty for JSON lines. `labels` are as in the file."""

    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    skipped_lines: int = 0
    sheet: str = ""


class Source:
    """CSV (commas, semicolons or tabs), JSON lines, either plain or gzip, or an Excel workbook.

    `encoding` is detected if it is empty. `min_columns` is the number of filled cells that a
    header must have: lines above it are titles.
    """

    def __init__(self, path: Path, encoding: str = "", min_columns: int = 3) -> None:
        self._path = path
        self._given_encoding = encoding
        self._min_columns = min_columns
        self._first_state = self._state()
        self.size = self._first_state[0]

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return self._path.name

    @property
    def is_assumed_to_be_windows(self) -> bool:
        """Whether nothing in the file tells its encoding, so that cp1252 is assumed."""
        if self._given_encoding or is_workbook(self._path):
            return False
        return self._encoding == WINDOWS

    @cached_property
    def header(self) -> Header:
        """Raises `InvalidInput`."""
        with self._table() as (table, _position):
            if table is None:
                return Header()
            return Header(table.columns, table.labels, table.skipped_lines, table.sheet)

    @cached_property
    def _encoding(self) -> str:
        if self._given_encoding:
            return self._given_encoding
        with self._bytes() as (file, _position), self._reporting_damage():
            return detect_encoding(file)

    def items(
        self,
        progress: Progress = lambda _position: None,
        aliases: Mapping[str, str] | None = None,
    ) -> Iterator[Item]:
        """Each row that is not blank. `aliases` renames columns.

        Raises `InvalidInput` if the file as a whole is invalid or changed since it was opened.
        """
        with self._rows(aliases or {}) as (rows, position):
            for number, item in enumerate(rows):
                if number % ROWS_PER_TICK == 0:
                    progress(position())
                yield item
            progress(position())
        if self._state() != self._first_state:
            raise InvalidInput(f"{self.name} changed while it was read.")

    @contextmanager
    def _rows(
        self, aliases: Mapping[str, str]
    ) -> Iterator[tuple[Iterator[Item], Callable[[], int]]]:
        with self._table() as (table, position):
            if table is not None:
                yield table.rows(aliases), position
                return
        with self._lines() as (lines, position):
            yield read_json_lines(lines), position

    @contextmanager
    def _table(self) -> Iterator[tuple[Table | None, Callable[[], int]]]:
        """The file as a table; None for JSON lines."""
        if is_workbook(self._path):
            with read_workbook(self._path) as (sheet, rows):
                yield Table.of_sheet(self.name, sheet, rows, self._min_columns), lambda: 0
            return
        with self._lines() as (lines, position):
            first = next(lines, "")
            if is_json(first):
                yield None, position
            else:
                yield Table.of_text(self.name, first, lines, self._min_columns), position

    @contextmanager
    def _lines(self) -> Iterator[tuple[Iterator[str], Callable[[], int]]]:
        encoding = self._encoding
        with self._bytes() as (file, position):
            if is_wide(encoding):
                yield self._decoded_stream(file, encoding), position
            else:
                yield self._decoded_lines(file, encoding), position

    def _decoded_lines(self, file: IO[bytes], encoding: str) -> Iterator[str]:
        number = 0
        with self._reporting_damage():
            while raw := file.readline(MAX_LINE + 1):
                number += 1
                if number == 1:
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                try:
                    text = raw.decode(encoding)
                except UnicodeDecodeError as error:
                    raise InvalidInput(
                        f"{self.name}, line {number} is not {encoding}: save the file in UTF-8 or "
                        "name its encoding with --encoding."
                    ) from error
                yield self._checked(text, number)

    def _decoded_stream(self, file: IO[bytes], encoding: str) -> Iterator[str]:
        number = 0
        with self._reporting_damage():
            stream = io.TextIOWrapper(cast("io.BufferedReader", file), encoding, newline="")
            try:
                while text := stream.readline(MAX_LINE + 1):
                    number += 1
                    yield self._checked(text.removeprefix("\ufeff"), number)
            except UnicodeError as error:
                raise InvalidInput(f"{self.name} is not {encoding} after line {number}.") from error
            finally:
                with suppress(ValueError):  # an abandoned iterator outlives its file
                    stream.detach()

    def _checked(self, text: str, number: int) -> str:
        if len(text) > MAX_LINE:
            raise InvalidInput(f"{self.name}, line {number} is longer than {MAX_LINE} bytes.")
        if "\0" in text:
            raise InvalidInput(f"{self.name}, line {number} contains a NUL: not a text file.")
        return text

    @contextmanager
    def _reporting_damage(self) -> Iterator[None]:
        try:
            yield
        except EOFError as error:
            raise InvalidInput(f"{self.name} is cut off: its gzip data has no end.") from error
        except (OSError, zlib.error) as error:
            raise InvalidInput(f"{self.name} cannot be read to its end: {error}.") from error

    @contextmanager
    def _bytes(self) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
        try:
            raw = self._path.open("rb")
        except OSError as error:
            raise InvalidInput(f"{self.name} cannot be read: {error.strerror}.") from error
        with raw:
            start = raw.peek(4)
            for magic, explanation in _FOREIGN_FILES:
                if start.startswith(magic):
                    raise InvalidInput(f"{self.name} is {explanation}.")
            is_gzip = start.startswith(b"\x1f\x8b")
            with cast("IO[bytes]", gzip.open(raw) if is_gzip else raw) as file:
                yield file, raw.tell

    def _state(self) -> tuple[int, int]:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - fits the handle of Windows too
        except OSError as error:
            raise InvalidInput(f"{self.name} cannot be read: {error.strerror}.") from error
        return found.st_size, found.st_mtime_ns
