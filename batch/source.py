"""The file, read row by row as often as needed, with never more than a row in memory."""

import csv
import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from batch.outcome import Misuse
from batch.rows import Mistake, Record, Unreadable

if TYPE_CHECKING:
    from _csv import Reader

MAX_LINE = 1 << 20
MAX_COLUMNS = 1000
TICK = 2000
"""Rows between two reports of progress."""

Item = Record | Unreadable
Progress = Callable[[int], None]
"""Told how many bytes of the file have been read."""


class Source:
    """A file of CSV (separated by commas, semicolons or tabs) or of JSON lines, plain or gzip."""

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self._path = path
        self._encoding = encoding
        self._first_state = self._state()
        self.size = self._first_state[0]

    @property
    def name(self) -> str:
        return self._path.name

    def columns(self) -> tuple[str, ...]:
        """The names in the first line, in lower case; none for JSON lines."""
        with self._opened() as (file, _at):
            lines = self._lines(file)
            first = next(lines, "")
            if _is_json(first):
                return ()
            reader = csv.reader(_and(first, lines), delimiter=_delimiter(first), strict=True)
            return self._header(reader)

    def items(self, progress: Progress = lambda _position: None) -> Iterator[Item]:
        """Each row that is not blank. Raises `Misuse` where the file as a whole makes no sense,
        or was changed since it was first looked at."""
        with self._opened() as (file, position):
            for number, item in enumerate(self._items(file)):
                if number % TICK == 0:
                    progress(position())
                yield item
            progress(position())
        if self._state() != self._first_state:
            raise Misuse(f"{self.name} was changed while it was read.")

    def _items(self, file: IO[bytes]) -> Iterator[Item]:
        lines = self._lines(file)
        first = next(lines, "")
        if _is_json(first):
            return _json_items(_and(first, lines))
        return self._csv_items(
            csv.reader(_and(first, lines), delimiter=_delimiter(first), strict=True)
        )

    def _csv_items(self, reader: "Reader") -> Iterator[Item]:
        names = self._header(reader)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._malformed(line, reader.line_num, error)
                continue
            if any(cell and not cell.isspace() for cell in cells):
                yield _record(line, names, cells)

    def _header(self, reader: "Reader") -> tuple[str, ...]:
        try:
            names = tuple(" ".join(name.split()).lower() for name in next(reader, []))
        except csv.Error as error:
            raise Misuse(f"The first line of {self.name} cannot be read: {error}.") from error
        if not any(names):
            raise Misuse(f"{self.name} is empty: not even column names are in it.")
        if len(names) > MAX_COLUMNS:
            raise Misuse(f"{self.name} has more than {MAX_COLUMNS} columns.")
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice is not None:
            raise Misuse(f"{self.name} has the column {twice} twice.")
        return names

    def _malformed(self, line: int, last: int, error: csv.Error) -> Unreadable:
        if "unexpected end" in str(error) or "field limit" in str(error) or last > line:
            # What follows was swallowed: going on would leave rows out without a word.
            raise Misuse(
                f"{self.name}, line {line}: a quote is opened there and never closed, "
                "so nothing from there on can be read."
            ) from error
        return Unreadable(line, (Mistake("row", "The quotes of this row do not match."),))

    def _lines(self, file: IO[bytes]) -> Iterator[str]:
        number = 0
        try:
            while raw := file.readline(MAX_LINE + 1):
                number += 1
                if len(raw) > MAX_LINE:
                    raise Misuse(f"{self.name}, line {number} is longer than {MAX_LINE} bytes.")
                yield self._decoded(raw, number)
        except (OSError, EOFError) as error:
            raise Misuse(f"{self.name} cannot be read after line {number}: {error}.") from error

    def _decoded(self, raw: bytes, number: int) -> str:
        if number == 1:
            if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise Misuse(f"{self.name} is UTF-16: save it as CSV in UTF-8.")
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise Misuse(
                f"{self.name}, line {number} is not {self._encoding}: save the file in UTF-8, or "
                "say what it is with --encoding (cp1252 is frequent on Windows)."
            ) from error
        if "\0" in text:
            raise Misuse(f"{self.name}, line {number} holds a NUL: this is not a text file.")
        return text

    @contextmanager
    def _opened(self) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
        try:
            raw = self._path.open("rb")
        except OSError as error:
            raise Misuse(f"{self.name} cannot be read: {error.strerror}.") from error
        with raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            with cast("IO[bytes]", gzip.open(raw) if packed else raw) as file:
                yield file, raw.tell

    def _state(self) -> tuple[int, int]:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - fits the handle of Windows too
        except OSError as error:
            raise Misuse(f"{self.name} cannot be read: {error.strerror}.") from error
        return found.st_size, found.st_mtime_ns


def _and(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
        yield from rest


def _is_json(first: str) -> bool:
    return first.lstrip().startswith("{")


def _delimiter(first: str) -> str:
    return max(",;\t", key=first.count)


def _record(line: int, names: tuple[str, ...], cells: list[str]) -> Item:
    if len(cells) > len(names):
        extra = [cell for cell in cells[len(names) :] if cell.strip()]
        if extra:
            words = f"{len(names)} columns are expected, {len(cells)} are there: a quote is missing"
            return Unreadable(line, (Mistake("row", f"{words}, or a comma is one too many."),))
    pairs = zip(names, [cell.strip() for cell in cells], strict=False)
    return Record(line, dict(pairs), is_short=len(cells) < len(names))


def _json_items(lines: Iterator[str]) -> Iterator[Item]:
    for number, text in enumerate(lines, start=1):
        if text.strip():
            yield _json_item(number, text)


def _json_item(line: int, text: str) -> Item:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Unreadable(line, (Mistake("row", "This line is not JSON."),), {"": text[:200]})
    if not isinstance(found, dict):
        return Unreadable(line, (Mistake("row", "This line is not a JSON object."),))
    nested = [name for name, value in found.items() if isinstance(value, dict | list)]
    if nested:
        return Unreadable(line, (Mistake(nested[0][:80], "A text, number or truth is expected."),))
    return Record(line, {name: _cell(value) for name, value in found.items()})


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
