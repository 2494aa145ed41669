"""Whole lines out of a body that arrives in pieces, and the limits that every format shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from services.entries.batches.model import FileTooLarge, UnreadableFile
from services.entries.batches.readers.rows import ParsedRows

MAX_ROW_BYTES = 64 * 1024
MAX_LINES = 5_000_000
# The event loop serves other requests between two steps. An invalid row takes fifty times as long
# as a valid one, so a step is measured in seconds and not in rows.
STEP_SECONDS = 0.001

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines; `first` is the number of the first one. A file begins with line 1."""

    first: int
    data: bytes
    text: str

    @property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return self.text.removesuffix("\n").split("\n")


class LineCutter:
    """Cuts pieces at line ends. Raises `FileTooLarge` and `UnreadableFile`."""

    def __init__(self) -> None:
        self._rest = b""
        self._next_line = 1

    def cut(self, data: bytes) -> Block | None:
        """The lines that are complete now."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if len(self._rest) > MAX_ROW_BYTES:
            raise row_too_long(self._next_line + data.count(b"\n", 0, end))
        return self._block(data[:end]) if end else None

    def last(self) -> Block | None:
        """The text after the last line end, once the file is complete."""
        data, self._rest = self._rest, b""
        return self._block(data) if data else None

    def _block(self, data: bytes) -> Block:
        first = self._next_line
        if first == 1:
            if data.startswith(_OTHER_MARKS):
                raise _not_utf8(1)
            data = data.removeprefix(BYTE_ORDER_MARK)
        self._next_line += data.count(b"\n")
        if self._next_line > MAX_LINES:
            raise FileTooLarge(f"The file has more than {MAX_LINES} lines. Send it in parts.")
        try:
            return Block(first, data, data.decode())
        except UnicodeDecodeError as error:
            raise _not_utf8(first + data.count(b"\n", 0, error.start)) from error


class Reader(ABC):
    """Turns a file into rows, in steps that are short whatever the file contains.

    Raises `UnreadableFile` and `FileTooLarge`.
    """

    def __init__(self) -> None:
        self._lines = LineCutter()

    def feed(self, data: bytes) -> Iterator[ParsedRows]:
        """Take in a piece of the file; yield the rows that are complete."""
        block = self._lines.cut(data)
        if block is not None:
            yield from self._read(block)

    def finish(self) -> Iterator[ParsedRows]:
        """Yield the last rows."""
        block = self._lines.last()
        if block is not None:
            yield from self._read(block)
        self._check_end()

    @abstractmethod
    def _read(self, block: Block) -> Iterator[ParsedRows]: ...

    @abstractmethod
    def _check_end(self) -> None:
        """Raise `UnreadableFile` if the file must not end here."""


def row_too_long(line: int, hint: str = "") -> FileTooLarge:
    """The error for a row that is longer than a row may be."""
    return FileTooLarge(f"The row on line {line} is longer than {MAX_ROW_BYTES} bytes.{hint}")


def _not_utf8(line: int) -> UnreadableFile:
    return UnreadableFile.because("encoding", f"The file is not UTF-8: see line {line}.")
