"""The picture that the ID token names, kept here so that it is there offline too."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import httpx

from mobile.core.settings import is_safe

log = logging.getLogger(__name__)

MAX_BYTES = 1 << 20
MAX_HOPS = 3
# Raster formats alone: nothing in them asks for anything else.
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


class Pictures:
    """Pictures of people, kept as files."""

    def __init__(self, http: httpx.AsyncClient, folder: Path) -> None:
        self._http = http
        self._folder = folder

    def path(self, address: str) -> Path | None:
        """The path of the picture; None until it is fetched."""
        path = self._path(address)
        return path if path.exists() else None

    async def fetch(self, address: str) -> None:
        """Without a token, and never twice; what is no picture, or too large, is passed over."""
        if self.path(address) is not None:
            return
        try:
            body = await self._read(address)
        except httpx.HTTPError as error:
            log.info("the picture could not be read: %s", type(error).__name__)
            return
        if body is not None and body.startswith(MAGIC):
            self.keep(address, body)

    def keep(self, address: str, body: bytes) -> None:
        """Keep a picture that was fetched."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(address)
        # Whole or not at all: the app may be killed any moment.
        unfinished = path.with_suffix(".new")
        unfinished.write_bytes(body)
        unfinished.replace(path)

    async def _read(self, address: str) -> bytes | None:
        for _ in range(MAX_HOPS):
            if not is_safe(address):
                return None
            async with self._http.stream("GET", address) as response:
                if response.is_redirect and response.next_request is not None:
                    address = str(response.next_request.url)
                    continue
                return await _body(response) if response.status_code == 200 else None
        return None

    def _path(self, address: str) -> Path:
        return self._folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.png"


async def _body(response: httpx.Response) -> bytes | None:
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MAX_BYTES:
            return None
    return body
