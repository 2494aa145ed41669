"""The body of an upload in pieces: unpacked, bounded in size and time, its digest taken."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterator

from aiohttp import ClientError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from libs.web.problems import BadRequest, ContentTooLarge, RequestTimeout, UnsupportedMediaType
from libs.web.request_body import BODY_SECONDS

MAX_BYTES = 2 * 1024**3
PIECE = 64 * 1024
# On average, of the time that we waited for the client and not it for us.
MIN_BYTES_A_SECOND = 4 * 1024
# JSON that repeats itself shrinks to a fiftieth; a thousandth is what bombs shrink to.
MAX_RATIO = 500
RATIO_COUNTS_FROM = 16 * 1024**2

_GZIP_MAGIC = b"\x1f\x8b"
_CLOSE = {"Connection": "close"}


class Body:
    """Yields the file. `digest` is that of the bytes it has yielded so far."""

    def __init__(self, request: web.Request) -> None:
        encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise UnsupportedMediaType("Content-Encoding may be gzip, or none.")
        self._request = request
        self._gzipped = encoding == "gzip"
        self._hash = hashlib.sha256()
        self._waited = 0.0
        self._received = 0
        self._size = 0

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises `RequestTimeout`, `ContentTooLarge` and, for what cannot be unpacked or broke
        off, `BadRequest`."""
        unpack: Gunzip | None = None
        first = True
        while data := await self._receive():
            # aiohttp unpacks by itself unless it is told not to, and takes a file that was cut
            # off for a whole one. So what still comes packed is unpacked here.
            if first and self._gzipped and data.startswith(_GZIP_MAGIC):
                unpack = Gunzip()
            first = False
            for piece in unpack.feed(data) if unpack else _sliced(data):
                yield self._counted(piece)
        if unpack:
            unpack.finish()

    async def _receive(self) -> bytes:
        """The next bytes, or none at the end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        silence = self._request.app[BODY_SECONDS]
        allowed = silence + self._received / MIN_BYTES_A_SECOND - self._waited
        try:
            async with asyncio.timeout(min(silence, allowed)):
                data = await self._request.content.readany()
        except TimeoutError as error:
            raise RequestTimeout("The body did not arrive in time.", headers=_CLOSE) from error
        except (web.RequestPayloadError, HttpProcessingError, ClientError, OSError) as error:
            told = "The body broke off, or cannot be unpacked."
            raise BadRequest(told, headers=_CLOSE) from error
        self._waited += loop.time() - began
        self._received += len(data)
        return data

    def _counted(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._size > MAX_BYTES:
            raise ContentTooLarge(f"The file is larger than {MAX_BYTES} bytes.", headers=_CLOSE)
        packed = self._request.content.total_compressed_bytes or self._received
        if self._size > max(RATIO_COUNTS_FROM, MAX_RATIO * packed):
            raise ContentTooLarge("The file unpacks to far more than it is.", headers=_CLOSE)
        self._hash.update(piece)
        return piece


class Gunzip:
    """Unpacks gzip of one member or several, in pieces of bounded size. Raises `BadRequest`."""

    def __init__(self) -> None:
        self._member = _new_member()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            self._begun = True
            try:
                piece = self._member.decompress(data, PIECE)
            except zlib.error as error:
                raise BadRequest("The body is not gzip.") from error
            data = self._member.unconsumed_tail
            if self._member.eof:
                data = self._member.unused_data.lstrip(b"\0")
                self._member, self._begun = _new_member(), False
            if piece:
                yield piece

    def finish(self) -> None:
        if self._begun:
            raise BadRequest("The gzip data is cut off.")


def _new_member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _sliced(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]
