"""The one client of the public API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
from aiohttp import hdrs, web

from portal.api_texts import field_message, how_to_unlock
from portal.sessions.model import Session

TIMEOUT = aiohttp.ClientTimeout(total=10.0, connect=2.0)
USER_AGENT = "timesheets-portal"
"""By this the entries service marks entries as written in the portal."""

STREAM_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=2.0, sock_read=60.0)
# Sending these twice is the same as sending them once (RFC 9110 section 9.2.2).
IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})
RETRY_DELAY = 0.1
MAX_PAGES = 20
# Of one page, so that it neither floods the API nor uses up the person's rate limit at once.
CALLS_AT_ONCE = 8
NOT_THERE = frozenset({404, 405})

T = TypeVar("T")
Json = dict[str, Any]
Renewal = Callable[[Session], Awaitable[Session]]


class ApiUnavailable(Exception):
    """The API cannot be reached, does not answer in time, or asks to come back later.

    `status` is 429 if this person sent too many requests, else 503.
    """

    def __init__(self, detail: str, *, retry_after: str | None = None, status: int = 503) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.status = status


@dataclass
class ApiProblem(Exception):
    """A refusal of the API (RFC 9457). `fields` has the message of each wrong field."""

    status: int
    title: str
    detail: str
    request_id: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.detail}"

    @property
    def message(self) -> str:
        """The text to show to the person."""
        return self.detail or self.title


@dataclass
class StepUpRequired(Exception):
    """The API requires a fresh second factor (RFC 9470)."""

    acr_values: str
    max_age: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful response of the API. `json` is None if it has no body."""

    status: int
    json: Any
    etag: str | None


class Api:
    """Calls in the name of one person. `renewal` is awaited once if a token is refused."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        base_url: str,
        session: Session,
        renewal: Renewal,
        headers: Mapping[str, str],
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._session = session
        self._renewal = renewal
        self._headers = headers
        self.seconds = 0.0
        """The seconds spent in calls; the page's own time is the rest."""
        self._under_way = 0
        self._waiting_since = 0.0

    async def get(self, path: str, **query: object) -> Any:
        """Return the JSON of a GET. Raises as `request` does."""
        return (await self.request("GET", path, query=query)).json

    async def find(self, path: str, **query: object) -> Any:
        """Return the resource, or None if it or its endpoint does not exist."""
        try:
            return await self.get(path, **query)
        except ApiProblem as problem:
            if problem.status in NOT_THERE:
                return None
            raise

    async def get_all(self, path: str, **query: object) -> list[Json]:
        """Every item of a list, page by page (at most MAX_PAGES pages)."""
        items: list[Json] = []
        cursor = None
        for _page in range(MAX_PAGES):
            page = await self.get(path, limit=200, cursor=cursor, **query)
            items += page["items"]
            cursor = page.get("next")
            if cursor is None:
                break
        return items

    async def put(self, path: str, body: Any, *, etag: str | None = None) -> Reply:
        """Send JSON with PUT, to the version `etag` if given. Raises as `request` does."""
        return await self.request("PUT", path, body=body, etag=etag)

    async def post(self, path: str, body: Any, *, etag: str | None = None) -> Reply:
        """Send JSON with POST, to the version `etag` if given. Raises as `request` does."""
        return await self.request("POST", path, body=body, etag=etag)

    async def patch(self, path: str, body: Any, *, etag: str | None = None) -> Reply:
        """Send JSON with PATCH, to the version `etag` if given. Raises as `request` does."""
        return await self.request("PATCH", path, body=body, etag=etag)

    async def delete(
        self, path: str, *, etag: str | None = None, query: Mapping[str, object] | None = None
    ) -> Reply:
        """Send DELETE, to the version `etag` if given. Raises as `request` does."""
        return await self.request("DELETE", path, etag=etag, query=query)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Any = None,
        etag: str | None = None,
    ) -> Reply:
        """One call. Raises `ApiProblem`, `ApiUnavailable`, `StepUpRequired`, `SignInRequired`.

        A refused token is renewed once; an idempotent call that got no answer is sent once more.
        """
        self._begin_waiting()
        try:
            for attempt in range(2):
                try:
                    return await self._send(method, path, query, body, etag)
                except _Unauthorized:
                    if attempt:
                        raise
                    self._session = await self._renewal(self._session)
                except ApiUnavailable:
                    if attempt or method not in IDEMPOTENT:
                        raise
                    await asyncio.sleep(RETRY_DELAY)
        except _Unauthorized as refusal:
            raise ApiProblem(401, "Unauthorized", "The API refused the access token.") from refusal
        finally:
            self._end_waiting()
        raise AssertionError("the last attempt returns or raises")

    def _begin_waiting(self) -> None:
        """Calls that are under way at the same time count once."""
        if self._under_way == 0:
            self._waiting_since = asyncio.get_running_loop().time()
        self._under_way += 1

    def _end_waiting(self) -> None:
        self._under_way -= 1
        if self._under_way == 0:
            self.seconds += asyncio.get_running_loop().time() - self._waiting_since

    async def stream(self, path: str, query: Mapping[str, object]) -> aiohttp.ClientResponse:
        """A download; the caller closes the response."""
        url = self._url(path, query)
        try:
            response = await self._http.get(
                url, headers=self._request_headers(), timeout=STREAM_TIMEOUT
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiUnavailable(repr(error)) from error
        if response.status != 200:
            async with response:
                _raise_for(response, await response.read())
        return response

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None,
        body: Any,
        etag: str | None,
    ) -> Reply:
        headers = self._request_headers()
        data = None
        if body is not None:
            data = msgspec.json.encode(body)
            headers[hdrs.CONTENT_TYPE] = "application/json"
        if etag:
            headers[hdrs.IF_MATCH] = etag
        try:
            async with self._http.request(
                method,
                self._url(path, query or {}),
                data=data,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as response:
                content = await response.read()
                if response.status >= 300:
                    _raise_for(response, content)
                decoded = msgspec.json.decode(content) if content else None
                return Reply(response.status, decoded, response.headers.get(hdrs.ETAG))
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise ApiUnavailable(repr(error)) from error

    def _request_headers(self) -> dict[str, str]:
        bearer = f"Bearer {self._session.tokens.access_token}"
        return {
            **self._headers,
            hdrs.AUTHORIZATION: bearer,
            hdrs.ACCEPT: "application/json",
            hdrs.USER_AGENT: USER_AGENT,
        }

    def _url(self, path: str, query: Mapping[str, object]) -> str:
        given = [
            (name.rstrip("_"), str(value))
            for name, value in query.items()
            if value not in (None, "")
        ]
        return f"{self._base_url}{path}{'?' + urlencode(given) if given else ''}"


async def gather_calls(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Await all, at most `CALLS_AT_ONCE` at a time. Returns the results in the calls' order."""
    slots = asyncio.Semaphore(CALLS_AT_ONCE)

    async def run(call: Awaitable[T]) -> T:
        async with slots:
            return await call

    return await asyncio.gather(*(run(call) for call in calls))


class _Unauthorized(Exception):
    """401: the access token is not good (any more)."""


def _raise_for(response: aiohttp.ClientResponse, content: bytes) -> None:
    challenge = response.headers.get(hdrs.WWW_AUTHENTICATE, "")
    if response.status == 401:
        if "insufficient_user_authentication" in challenge:
            given = _challenge_parameters(challenge)
            raise StepUpRequired(given.get("acr_values", ""), given.get("max_age", ""))
        raise _Unauthorized
    if response.status in (429, 502, 503, 504):
        raise ApiUnavailable(
            f"the API answered {response.status}",
            retry_after=response.headers.get(hdrs.RETRY_AFTER),
            status=429 if response.status == 429 else 503,
        )
    raise _problem(response, content)


def _problem(response: aiohttp.ClientResponse, content: bytes) -> ApiProblem:
    try:
        body = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError:
        body = {}
    given = body.get("errors")
    errors = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    messages, fields = {}, {}
    for error in errors:
        message = str(error.get("message", ""))
        messages[message] = field_message(str(error.get("code", "")), message)
        fields[str(error.get("pointer", "")).strip("/")] = messages[message]
    detail, lock_reason = str(body.get("detail") or ""), str(body.get("lock_reason") or "")
    # That of a single wrong field is the field's message.
    detail = messages.get(detail, detail)
    return ApiProblem(
        status=response.status,
        title=str(body.get("title") or response.reason or ""),
        detail=how_to_unlock(lock_reason, detail),
        request_id=str(body.get("request_id") or response.headers.get("X-Request-Id") or ""),
        fields=fields,
        body=body,
    )


def _challenge_parameters(challenge: str) -> dict[str, str]:
    """The parameters of `Bearer name="value", ...`; ours hold no quoted quotes."""
    parts = challenge.partition(" ")[2].split(",")
    pairs = (part.strip().partition("=") for part in parts)
    return {name: value.strip('"') for name, _equals, value in pairs}


API = web.RequestKey("API", Api)
API_HTTP = web.AppKey("API_HTTP", aiohttp.ClientSession)
