"""Reading another service's feed over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
from aiohttp import hdrs

from libs.auth import MachineTokenError, MachineTokens
from libs.feed.serving import HEAD_HEADER
from libs.feed.wire import CONTENT_TYPE, Delivery, InvalidBatch, decode_batch

# Seconds for the response, beyond those of the long poll.
RESPONSE_TIMEOUT = 10.0


class FeedUnavailable(Exception):
    """The feed cannot be read right now; the message says why."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A page of events. `reached` is the cursor after it, `head` the newest event's sequence."""

    deliveries: list[Delivery]
    reached: int
    head: int


class FeedClient:
    """Reads the feed at `url` as this machine."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tokens: MachineTokens) -> None:
        self._session = session
        self._url = url
        self._tokens = tokens

    async def fetch(self, after: int, limit: int, wait: float) -> Batch:
        """Fetch the events after a cursor, waiting up to `wait` seconds for the first one.

        Raises `FeedUnavailable` for every kind of failure.
        """
        query = {"after": str(after), "limit": str(limit), "wait": f"{wait:g}"}
        try:
            async with asyncio.timeout(wait + RESPONSE_TIMEOUT):
                token = await self._tokens.get()
                headers = {hdrs.AUTHORIZATION: f"Bearer {token}", hdrs.ACCEPT: CONTENT_TYPE}
                async with self._session.get(
                    self._url, params=query, headers=headers, allow_redirects=False
                ) as response:
                    if response.status == 401:
                        self._tokens.invalidate(token)
                    return await _read(response, after)
        except (aiohttp.ClientError, OSError, MachineTokenError, InvalidBatch) as error:
            raise FeedUnavailable(f"{self._url}: {error!r}") from error


async def _read(response: aiohttp.ClientResponse, after: int) -> Batch:
    if response.status != 200:
        raise FeedUnavailable(f"{response.url.with_query(None)}: status {response.status}")
    if response.content_type != CONTENT_TYPE:
        raise InvalidBatch(f"the content type is {response.content_type}")
    deliveries = decode_batch(await response.read())
    head = response.headers.get(HEAD_HEADER, "0")
    if not head.isdecimal():
        raise InvalidBatch(f"{HEAD_HEADER} is not a number")
    return Batch(deliveries, deliveries[-1].sequence if deliveries else after, int(head))
