"""What is sent: the rows as JSON lines in gzip, kept so that it can be sent again."""

import gzip
import hashlib
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Self

import msgspec

from batch.rows import Row

IN_MEMORY = 8 << 20
CHUNK = 64 << 10
LEVEL = 3


@dataclass(frozen=True, slots=True)
class Body:
    """`lines` has, for each row sent, the line of the file that it came from."""

    file: IO[bytes]
    size: int
    digest: bytes
    lines: "array[int]"

    @classmethod
    def write(cls, rows: Iterable[tuple[int, Row]]) -> Self:
        """Small ones stay in memory, others go into a nameless file that goes away by itself.

        Nothing but the rows decides what the bytes are: the same rows are the same request.
        """
        file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - `close` does it
        try:
            return cls._written(file, rows)
        except BaseException:
            file.close()
            raise

    @classmethod
    def _written(cls, file: IO[bytes], rows: Iterable[tuple[int, Row]]) -> Self:
        lines, encoder = array("Q"), msgspec.json.Encoder()
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=LEVEL, mtime=0) as packed:
            for line, row in rows:
                packed.write(encoder.encode(row) + b"\n")
                lines.append(line)
        size = file.tell()
        file.seek(0)
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        return cls(file, size, digest.digest(), lines)

    def close(self) -> None:
        self.file.close()

    def chunks(self) -> Iterator[bytes]:
        """From the beginning, each time."""
        self.file.seek(0)
        while chunk := self.file.read(CHUNK):
            yield chunk

    def line_of(self, number: int) -> int:
        """The file's line of what the service counts as line `number` of the body."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else 0
