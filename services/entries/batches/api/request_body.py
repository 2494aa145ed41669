"""The body of an upload in pieces: decompressed, bounded in size and time, and hashed."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterator

from aiohttp import ClientError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from libs.web.concurrency import RETRY_AFTER
from libs.web.problems import (
    BadRequest,
    ContentTooLarge,
    RequestTimeout,
    TooManyRequests,
    UnsupportedMediaType,
)
from libs.web.request_body import BODY_SECONDS

MAX_BYTES = 2 * 1024**3
PIECE = 64 * 1024
# On average, over the time spent waiting for the client.
MIN_BYTES_A_SECOND = 4 * 1024
# A client that has been waited for so long, on average for less than this, may lose its slot.
SLOW_SECONDS = 10.0
SLOW_BYTES_A_SECOND = 64 * 1024
# Repetitive JSON compresses to a fiftieth, a zip bomb to a thousandth.
MAX_RATIO = 500
RATIO_COUNTS_FROM = 16 * 1024**2

_CLOSE = {"Connection": "close"}


class FileBody:
    """Yields the file. `digest` is the SHA-256 of the bytes yielded so far."""

    def __init__(self, request: web.Request) -> None:
        encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            raise UnsupportedMediaType("Content-Encoding must be gzip or absent.")
        self._request = request
        self._gzipped = encoding != "identity"
        self._hash = hashlib.sha256()
        self._waited = 0.0
        self._received = 0
        self._size = 0
        self._receiving: asyncio.Timeout | None = None
        self._waiting_since = 0.0
        self._given_up = False

    @property
    def is_slow(self) -> bool:
        """Whether the client has been waited for long, and is being waited for now."""
        if self._receiving is None:
            return False
        waited = self._waited + asyncio.get_running_loop().time() - self._waiting_since
        return waited >= SLOW_SECONDS and self._received < SLOW_BYTES_A_SECOND * waited

    def give_up(self) -> None:
        """Stop receiving: another client needs the slot. `pieces` raises `TooManyRequests`."""
        self._given_up = True
        if self._receiving is not None:
            self._receiving.reschedule(asyncio.get_running_loop().time())

    @property
    def digest(self) -> bytes:
        """SHA-256 of the body as it was sent."""
        return self._hash.digest()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises `RequestTimeout`, `ContentTooLarge`, `TooManyRequests`, and `BadRequest` if the
        body breaks off or cannot be decompressed."""
        unpack = Gunzip() if self._gzipped else None
        while data := await self._receive():
            for piece in unpack.feed(data) if unpack else _sliced(data):
                yield self._counted(piece)
        if unpack:
            unpack.finish()

    async def _receive(self) -> bytes:
        """The next bytes, or none at the end."""
        loop = asyncio.get_running_loop()
        self._waiting_since = loop.time()
        silence = self._request.app[BODY_SECONDS]
        allowed = silence + self._received / MIN_BYTES_A_SECOND - self._waited
        try:
            async with asyncio.timeout(min(silence, allowed)) as self._receiving:
                data = await self._request.content.readany()
        except TimeoutError as error:
            if self._given_up:
                raise _slot_lost() from error
            raise RequestTimeout("The body did not arrive in time.", headers=_CLOSE) from error
        except (web.RequestPayloadError, HttpProcessingError, ClientError, OSError) as error:
            raise BadRequest(
                "The body broke off or cannot be decompressed.", headers=_CLOSE
            ) from error
        finally:
            self._receiving = None
            self._waited += loop.time() - self._waiting_since
        self._received += len(data)
        return data

    def _counted(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._size > MAX_BYTES:
            raise ContentTooLarge(f"The file is larger than {MAX_BYTES} bytes.", headers=_CLOSE)
        if self._size > max(RATIO_COUNTS_FROM, MAX_RATIO * self._received):
            raise ContentTooLarge(
                "The file decompresses to far more than its size.", headers=_CLOSE
            )
        self._hash.update(piece)
        return piece


def _slot_lost() -> TooManyRequests:
    return TooManyRequests(
        "The file arrived too slowly while other clients waited. Send it again.",
        headers={**_CLOSE, "Retry-After": str(RETRY_AFTER)},
    )


class Gunzip:
    """Decompresses gzip of one or more members in pieces of bounded size. Raises `BadRequest`."""

    def __init__(self) -> None:
        self._member = _new_member()
        self._is_complete = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what can be unpacked so far, in bounded pieces. Raises BadRequest if it is not
        gzip."""
        if self._is_complete:
            data = data.lstrip(b"\0")  # padding
        while data:
            self._is_complete = False
            try:
                piece = self._member.decompress(data, PIECE)
            except zlib.error as error:
                raise BadRequest("The body is not gzip.") from error
            data = self._member.unconsumed_tail
            if self._member.eof:
                data = self._member.unused_data.lstrip(b"\0")
                self._member, self._is_complete = _new_member(), True
            if piece:
                yield piece

    def finish(self) -> None:
        """Check that the last member is complete, with its checksum (RFC 1952 section 2.3)."""
        if not self._is_complete:
            raise BadRequest("The gzip data is cut off.")


def _new_member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _sliced(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]
