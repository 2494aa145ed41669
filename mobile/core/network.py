"""HTTP for the app: deadlines, and failures by what can be done about them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from mobile.core.wire import Json, UnexpectedResponse

log = logging.getLogger(__name__)

# A parameter of a challenge (RFC 9110 section 11.6.1): quoted or a token.
_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')

# A request that a tunnel swallowed must not hold up the ones behind it for long.
TIMEOUT = httpx.Timeout(15.0, connect=8.0)


class Unreachable(Exception):
    """No response, or one that asks to come back later: a retry may help.

    `offline` says that there was no response at all, `broken` that the server answered 500 to this
    very request. `retry_after` is in seconds.
    """

    def __init__(
        self, *, offline: bool = True, broken: bool = False, retry_after: float = 0.0
    ) -> None:
        super().__init__("no network" if offline else "the server is busy")
        self.offline = offline
        self.broken = broken
        self.retry_after = retry_after


class SignedOut(Exception):
    """The sign-in has ended; only a new sign-in helps."""


class UpdateRequired(Exception):
    """The server no longer supports this version of the app (426, RFC 9110 section 15.5.22)."""


class AccountInactive(Exception):
    """An administrator has deactivated the account."""


@dataclass(eq=False)
class StepUpRequired(Exception):
    """The server wants a recent second factor (RFC 9470 section 3). `max_age` is in seconds."""

    acr_values: str | None = None
    max_age: int | None = None


@dataclass(eq=False)
class RequestRejected(Exception):
    """The server understood and declined: the same request would fail again.

    `members` is the whole problem (RFC 9457), `current` the server's version if it sent one.
    """

    status: int
    detail: str
    members: Json = field(default_factory=dict, repr=False)

    @property
    def current(self) -> Json | None:
        """The resource as the server has it now, where the problem brings it."""
        found = self.members.get("current")
        return found if isinstance(found, dict) else None

    @property
    def code(self) -> str:
        """The problem's own code: its `code`, or the end of its `type`."""
        found = self.members.get("code") or self.members.get("type") or ""
        return str(found).rpartition("/")[2].rpartition(":")[2]

    @property
    def lock_reason(self) -> str | None:
        """The reason of a lock, where the problem brings it."""
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
class ApiResponse:
    """`body` is the decoded JSON, None without one, as in a 304."""

    status: int
    body: Any
    etag: str | None = None


class Tokens(Protocol):
    """The source of access tokens for requests."""

    async def access_token(self) -> str:
        """A token that is valid for a while. Raises `Unreachable` or `SignedOut`."""

    async def replace(self, stale: str) -> str:
        """A new token for `stale`, which the server rejected."""


def make_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client that follows no redirects and gives up after its timeout."""
    return httpx.AsyncClient(timeout=TIMEOUT, transport=transport, follow_redirects=False)


class Api:
    """Requests to the services on behalf of the person who is signed in."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, tokens: Tokens) -> None:
        self._client = client
        self._base_url = base_url
        self._tokens = tokens

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, etag: str | None = None
    ) -> ApiResponse:
        """GET; with `etag` a conditional one, which may return status 304 and no body."""
        headers = {"If-None-Match": etag} if etag is not None else None
        return await self.send("GET", path, params=params, headers=headers)

    async def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> ApiResponse:
        """Send a request and decode its response.

        Raises `Unreachable`, `RequestRejected`, `SignedOut`, `StepUpRequired`, `UpdateRequired` or
        `UnexpectedResponse`.
        """
        request = self._client.build_request(
            method, self._base_url + path, json=body, headers=headers, params=params
        )
        token = await self._tokens.access_token()
        response = await self._send(request, token)
        if response.status_code == 401:
            _check_step_up(response)
            token = await self._tokens.replace(token)
            response = await self._send(request, token)
        if response.status_code == 401:
            _check_step_up(response)
            # A new token is rejected too: the server's keys or clock are wrong, not the person.
            raise Unreachable(offline=False)
        return _decode(response)

    async def _send(self, request: httpx.Request, token: str) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {token}"
        response = await exchange(self._client, request)
        # The path without its query: that may hold a person's name.
        log.debug("%s %s %s", request.method, request.url.path, response.status_code)
        return response


async def exchange(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send and read the response, whatever its status. Raises `Unreachable` without one."""
    try:
        return await client.send(request)
    except (httpx.TransportError, httpx.DecodingError) as error:
        log.debug("%s %s %s", request.method, request.url.path, type(error).__name__)
        # A server that accepts the connection and does not answer is slow, the device is online.
        raise Unreachable(offline=not isinstance(error, httpx.ReadTimeout)) from error


def _check_step_up(response: httpx.Response) -> None:
    """Raise `StepUpRequired` if the challenge asks for it."""
    challenge = response.headers.get("WWW-Authenticate", "")
    found = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(challenge)}
    if found.get("error") == "insufficient_user_authentication":
        age = found.get("max_age", "")
        raise StepUpRequired(found.get("acr_values"), int(age) if age.isdecimal() else None)


def _decode(response: httpx.Response) -> ApiResponse:
    status = response.status_code
    if status == 426:
        raise UpdateRequired
    if status in (408, 425, 429) or status >= 500:
        raise Unreachable(offline=False, broken=status == 500, retry_after=_retry_after(response))
    if 300 <= status < 400 and status != 304:
        # A hotel's sign-in page, not the server.
        raise Unreachable
    if status >= 400:
        members = _problem(response)
        detail = str(members.get("detail") or response.reason_phrase)
        rejection = RequestRejected(status, detail, members)
        if status == 403 and rejection.code == "inactive":
            raise AccountInactive
        raise rejection
    return ApiResponse(status, _json(response), response.headers.get("ETag"))


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
