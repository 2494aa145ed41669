"""The body of the request: rows as JSON lines in gzip, kept so that it can be sent again."""

import gzip
import hashlib
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Self

import msgspec

from batch.rows import Deletion, Row

IN_MEMORY = 8 << 20
"""Bytes. Larger bodies are kept in a temporary file."""
CHUNK = 64 << 10
COMPRESSION_LEVEL = 3


@dataclass(frozen=True, slots=True)
class RequestBody:
    """`lines` has the line of the file for each row of the body."""

    file: IO[bytes]
    size: int
    digest: bytes
    lines: "array[int]"

    @classmethod
    def write(cls, rows: Iterable[tuple[int, Row | Deletion]]) -> Self:
        """The bytes depend on nothing but the rows: the same rows are the same request."""
        file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see close()
        try:
            return cls._write(file, rows)
        except BaseException:
            file.close()
            raise

    @classmethod
    def _write(cls, file: IO[bytes], rows: Iterable[tuple[int, Row | Deletion]]) -> Self:
        lines, encoder = array("Q"), msgspec.json.Encoder()
        level = COMPRESSION_LEVEL
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=level, mtime=0) as packed:
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
        """Delete the temporary file."""
        self.file.close()

    def chunks(self) -> Iterator[bytes]:
        """The whole body, from its beginning."""
        self.file.seek(0)
        while chunk := self.file.read(CHUNK):
            yield chunk

    def line_of(self, number: int) -> int:
        """The line of the file that became line `number` of the body, or 0."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else 0
