"""HTTP as the app needs it: deadlines, and failures told apart by what can be done about them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from mobile.core.wire import Json, UnexpectedResponse

log = logging.getLogger(__name__)

# A request that a tunnel swallowed must not hold up the ones behind it for long.
TIMEOUT = httpx.Timeout(15.0, connect=8.0)


class Unreachable(Exception):
    """No answer, or one that says to come back later: trying again may help.

    `offline` tells that nobody answered at all, `broken` that the server broke over this very
    request; `retry_after` is in seconds.
    """

    def __init__(
        self, *, offline: bool = True, broken: bool = False, retry_after: float = 0.0
    ) -> None:
        super().__init__("no network" if offline else "the server is busy")
        self.offline = offline
        self.broken = broken
        self.retry_after = retry_after


class SignedOut(Exception):
    """Nobody is signed in any more: only signing in again helps."""


@dataclass(eq=False)
class RequestRejected(Exception):
    """The server understood and said no; asking again unchanged is of no use.

    `members` is the whole problem (RFC 9457), `current` the server's version where it told one.
    """

    status: int
    detail: str
    members: Json = field(default_factory=dict, repr=False)

    @property
    def current(self) -> Json | None:
        found = self.members.get("current")
        return found if isinstance(found, dict) else None

    @property
    def lock_reason(self) -> str | None:
        found = self.members.get("lock_reason")
        return found if isinstance(found, str) else None

    @property
    def errors(self) -> list[tuple[str, str]]:
        """(field, message) of each wrong field."""
        found = self.members.get("errors")
        listed = found if isinstance(found, list) else []
        return [
            (str(error.get("pointer", "")).removeprefix("/"), str(error.get("message", "")))
            for error in listed
            if isinstance(error, dict)
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is the JSON, None where there is none."""

    status: int
    body: Any
    etag: str | None = None


class Tokens(Protocol):
    async def access_token(self) -> str:
        """One that is good for a while; raises `Unreachable` or `SignedOut`."""

    async def replace(self, stale: str) -> str:
        """Another one in the place of `stale`, which a server refused."""


def make_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT, transport=transport, follow_redirects=False)


class Api:
    """Requests to the services, as the person who is signed in."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, tokens: Tokens) -> None:
        self._client = client
        self._base_url = base_url
        self._tokens = tokens

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        return await self.send("GET", path, params=params)

    async def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises `Unreachable`, `RequestRejected`, `SignedOut` or `UnexpectedResponse`."""
        request = self._client.build_request(
            method, self._base_url + path, json=body, headers=headers, params=params
        )
        token = await self._tokens.access_token()
        response = await self._send(request, token)
        if response.status_code == 401:
            token = await self._tokens.replace(token)
            response = await self._send(request, token)
        if response.status_code == 401:
            # A new token is refused too: the server's keys or clock are wrong, not the person.
            raise Unreachable(offline=False)
        return _answer(response)

    async def _send(self, request: httpx.Request, token: str) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {token}"
        response = await exchange(self._client, request)
        # The path without its query: that may hold a person's name.
        log.debug("%s %s %s", request.method, request.url.path, response.status_code)
        return response


async def exchange(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer, whatever it says; raises `Unreachable` where there is none."""
    try:
        return await client.send(request)
    except (httpx.TransportError, httpx.DecodingError) as error:
        log.debug("%s %s %s", request.method, request.url.path, type(error).__name__)
        raise Unreachable from error


def _answer(response: httpx.Response) -> Answer:
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        raise Unreachable(offline=False, broken=status == 500, retry_after=_retry_after(response))
    if 300 <= status < 400 and status != 304:
        # A hotel's sign-in page, not the server.
        raise Unreachable
    if status >= 400:
        members = _problem(response)
        raise RequestRejected(status, str(members.get("detail") or response.reason_phrase), members)
    return Answer(status, _json(response), response.headers.get("ETag"))


def _json(response: httpx.Response) -> Any:
    if not response.content:
        return None
    if "json" not in response.headers.get("Content-Type", ""):
        raise Unreachable
    try:
        return json.loads(response.content)
    except ValueError as error:
        raise UnexpectedResponse("no JSON") from error


def _problem(response: httpx.Response) -> Json:
    if "json" not in response.headers.get("Content-Type", ""):
        # Our services always answer with a problem: this came from something in between.
        raise Unreachable(offline=False)
    try:
        found = json.loads(response.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return min(float(value), 300.0) if value.isdecimal() else 0.0
