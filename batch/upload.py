"""Sends the body to the service and fetches the errors, with retries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp

from batch.errors import AccessDenied, Rejected, Unreachable
from batch.request_body import RequestBody
from batch.responses import (
    BatchReport,
    RowError,
    RowOutcome,
    Undone,
    UploadResult,
    decode_error_page,
    decode_problem,
    decode_report,
    decode_row_page,
    decode_undone,
)
from batch.retries import Retries, parse_retry_after
from libs.auth import MachineTokenRefused, MachineTokens, MachineTokenUnavailable

T = TypeVar("T")

CONNECT_TIMEOUT = 10.0
STALL_TIMEOUT = 60.0
"""Seconds within which the service must accept a chunk of the body."""
RESPONSE_TIMEOUT = 300.0
"""Seconds from the last chunk to the response: storing a million rows takes a while."""
MAX_RESPONSE = 4 << 20
"""Bytes."""
PAGE_SIZE = 200
MAX_ROW_PAGES = 25
"""Pages of rows among which removed entries are looked for: the summary shows a few of them."""

# 409: the service is processing the same upload on another connection.
TRANSIENT_STATUSES = frozenset({408, 409, 425, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait: for a connection, for progress, for the response."""

    connect: float = CONNECT_TIMEOUT
    stall: float = STALL_TIMEOUT
    response: float = RESPONSE_TIMEOUT


TIMEOUTS = Timeouts()


class _TransientError(Exception):
    """This attempt failed and the next one may succeed."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class _TokenRejected(Exception):
    """The service responded with 401."""


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> str:
        message = str(decode_problem(self.body))
        try:
            return message or HTTPStatus(self.status).phrase
        except ValueError:
            return message


class Uploader:
    """`report` receives the reason for each retry, `sent` the number of bytes sent so far."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: MachineTokens,
        api_url: str,
        *,
        retries: Retries,
        report: Callable[[str], None],
        sent: Callable[[int], None] = lambda _bytes: None,
        timeouts: Timeouts = TIMEOUTS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._tokens = tokens
        self._api_url = api_url
        self._retries = retries
        self._report = report
        self._sent = sent
        self._timeouts = timeouts
        self._sleep = sleep

    async def send(self, body: RequestBody, key: str, query: Mapping[str, str]) -> UploadResult:
        """Retry until there is a response. All attempts are one batch, because they share `key`.

        Raises `BatchError`.
        """
        attempts = 0

        async def attempt(token: str) -> _Response:
            nonlocal attempts
            attempts += 1
            return await self._post(body, key, query, token)

        response = await self._retry(attempt)
        report = decode_report(response.body)
        if report is None:
            raise Rejected(f"{self._api_url} sent an unexpected response ({response.status}).")
        replayed = response.headers.get("Idempotency-Replayed", "").lower() == "true"
        return UploadResult(report, replayed, attempts)

    async def errors(self, report: BatchReport) -> AsyncIterator[RowError]:
        """The rejected rows of the batch, fetched page by page. Raises `BatchError`."""
        address = report.errors
        while address:
            page = decode_error_page(await self._page(address))
            if page is None:
                raise Rejected("The service sent an unexpected list of errors.")
            for item in page.items:
                yield item
            address = page.next

    async def undo(self, batch_id: str) -> Undone:
        """Undo the batch; once more changes nothing. Raises `BatchError`."""
        url = f"{self._api_url}/v1/batches/{batch_id}"

        async def attempt(token: str) -> _Response:
            response = await self._without_body("DELETE", url, token)
            if response.status == HTTPStatus.CONFLICT:  # no other attempt will succeed
                raise Rejected(response.problem)
            return response

        undone = decode_undone((await self._retry(attempt)).body)
        if undone is None:
            raise Rejected(f"{self._api_url} sent an unexpected response.")
        return undone

    async def removed(self, report: BatchReport) -> AsyncIterator[RowOutcome]:
        """The entries that the batch removes, from the first pages of its rows.

        Raises `BatchError`.
        """
        address: str | None = f"/v1/batches/{report.id}/rows"
        for _page in range(MAX_ROW_PAGES):
            if address is None:
                return
            page = decode_row_page(await self._page(address))
            if page is None:
                raise Rejected("The service sent an unexpected list of rows.")
            for item in page.items:
                if item.action == "removed":
                    yield item
            address = page.next

    async def _page(self, address: str) -> bytes:
        url = self._own_url(address)

        async def attempt(token: str) -> _Response:
            return await self._without_body("GET", url, token)

        return (await self._retry(attempt)).body

    def _own_url(self, address: str) -> str:
        """The absolute address. Raises `Rejected` if it is on another host than the service:
        the token must not be sent there."""
        url = urljoin(f"{self._api_url}/", address)
        if not urlsplit(url).query:
            url += f"?limit={PAGE_SIZE}"
        if urlsplit(url)[:2] != urlsplit(self._api_url)[:2]:
            raise Rejected("The service links to a list on another host.")
        return url

    async def _retry(self, attempt: Callable[[str], Awaitable[_Response]]) -> _Response:
        began, number, was_rejected = self._retries.clock(), 0, False
        while True:
            number += 1
            try:
                token = await self._token()
                return await self._try_once(attempt, token)
            except _TokenRejected as error:
                if was_rejected:
                    raise AccessDenied(f"The service rejects our token: {error}") from None
                was_rejected = True
                self._tokens.invalidate(token)
                self._report("The service rejected the token. Requesting another one.")
            except _TransientError as error:
                delay = self._retries.delay(began, number, error.retry_after)
                if delay is None:
                    raise Unreachable(f"{error} Gave up after {_attempts(number)}.") from None
                self._report(f"{error} Retrying in {delay:.0f} s.")
                await self._sleep(delay)

    async def _try_once(
        self, attempt: Callable[[str], Awaitable[_Response]], token: str
    ) -> _Response:
        try:
            return self._check(await attempt(token))
        except (aiohttp.ClientError, OSError) as error:
            raise _TransientError(f"{self._api_url}: {_reason(error)}.") from error

    async def _token(self) -> str:
        try:
            return await self._tokens.get()
        except MachineTokenRefused as error:
            raise AccessDenied(f"The issuer denied a token to this client: {error}.") from error
        except MachineTokenUnavailable as error:
            raise _TransientError(f"The issuer could not be reached: {error}.") from error

    async def _post(
        self, body: RequestBody, key: str, query: Mapping[str, str], token: str
    ) -> _Response:
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "Content-Length": str(body.size),
            "Idempotency-Key": key,
        }
        async with asyncio.timeout(self._timeouts.connect + self._timeouts.stall) as deadline:
            url, chunks = f"{self._api_url}/v1/batches", self._chunks(body, deadline)
            return await self._request("POST", url, token, headers, data=chunks, params=query)

    async def _chunks(self, body: RequestBody, deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
        """The body. Each accepted chunk extends the deadline."""
        now, sent = asyncio.get_running_loop().time, 0
        for chunk in body.chunks():
            deadline.reschedule(now() + self._timeouts.stall)
            yield chunk
            sent += len(chunk)
            self._sent(sent)
        deadline.reschedule(now() + self._timeouts.response)

    async def _without_body(self, method: str, url: str, token: str) -> _Response:
        async with asyncio.timeout(self._timeouts.connect + self._timeouts.response):
            return await self._request(method, url, token, {})

    async def _request(
        self,
        method: str,
        url: str,
        token: str,
        headers: dict[str, str],
        *,
        data: AsyncIterator[bytes] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> _Response:
        """Redirects are not followed: the token and the hours would go to another host."""
        sent = {**headers, "Accept": "application/json", "Authorization": f"Bearer {token}"}
        async with self._session.request(
            method, url, data=data, params=params, headers=sent, allow_redirects=False
        ) as response:
            return _Response(response.status, response.headers, await _read(response))

    def _check(self, response: _Response) -> _Response:
        """The response, if it is a success. Raises what its status means otherwise."""
        status, problem = response.status, response.problem
        # A batch whose rows were rejected is a result too, whatever its status.
        if 200 <= status < 300 or (status == 422 and decode_report(response.body)):
            return response
        if status in TRANSIENT_STATUSES:
            retry_after = parse_retry_after(response.headers.get("Retry-After"))
            message = f"{self._api_url} responded {status}: {problem.rstrip('.')}."
            raise _TransientError(message, retry_after)
        if status == 401:
            raise _TokenRejected(problem)
        if status == 403:
            raise AccessDenied(f"This client is not allowed to do this: {problem}")
        if 300 <= status < 400:
            raise Rejected(f"{self._api_url} redirects ({status}): check TIMESHEETS_URL.")
        raise Rejected(f"The service rejected the request ({status}): {problem}")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_chunked(64 << 10):
        body += chunk
        if len(body) > MAX_RESPONSE:
            raise aiohttp.ClientPayloadError("the response is too long")
    return body


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no response in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.os_error.strerror or error.os_error})"
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return "the connection broke"
    return f"{type(error).__name__}"


def _attempts(number: int) -> str:
    return "one attempt" if number == 1 else f"{number} attempts"
