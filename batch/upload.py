"""The conversation with the service: a token, the body, the errors; again where that may help."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp

from batch.answers import (
    Report,
    RowError,
    Uploaded,
    read_errors,
    read_problem,
    read_report,
)
from batch.body import Body
from batch.outcome import NotAllowed, Refused, Unreachable
from batch.retries import Retries, read_retry_after
from libs.auth import MachineTokenRefused, MachineTokens, MachineTokenUnavailable

T = TypeVar("T")

CONNECT_TIMEOUT = 10.0
STALL_TIMEOUT = 60.0
"""Seconds in which the service must take a piece of the body."""
ANSWER_TIMEOUT = 300.0
"""Seconds to the answer after the last piece: a million rows take a while to be stored."""
MAX_ANSWER = 4 << 20
PAGE = 200

# 409: the same upload is being answered at this moment, over another connection.
PASSING = frozenset({408, 409, 425, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Timeouts:
    connect: float = CONNECT_TIMEOUT
    stall: float = STALL_TIMEOUT
    answer: float = ANSWER_TIMEOUT


TIMEOUTS = Timeouts()


class _Passing(Exception):
    """This attempt failed; the next may not."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class _TokenRefused(Exception):
    """The service said 401."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> str:
        words = str(read_problem(self.body))
        try:
            return words or HTTPStatus(self.status).phrase
        except ValueError:
            return words


class Uploader:
    """`tell` is told in words why an attempt is repeated, `sent` how many bytes went out."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: MachineTokens,
        api_url: str,
        *,
        retries: Retries,
        tell: Callable[[str], None],
        sent: Callable[[int], None] = lambda _bytes: None,
        timeouts: Timeouts = TIMEOUTS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._tokens = tokens
        self._api_url = api_url
        self._retries = retries
        self._tell = tell
        self._sent = sent
        self._timeouts = timeouts
        self._sleep = sleep

    async def send(self, body: Body, key: str, query: Mapping[str, str]) -> Uploaded:
        """Until it is answered; however often that takes, it is one batch."""
        attempts = 0

        async def attempt(token: str) -> _Answer:
            nonlocal attempts
            attempts += 1
            return await self._post(body, key, query, token)

        answer = await self._persistently(attempt)
        report = read_report(answer.body)
        if report is None:
            raise Refused(f"The answer {answer.status} of {self._api_url} makes no sense.")
        replayed = answer.headers.get("Idempotency-Replayed", "").lower() == "true"
        return Uploaded(report, replayed, attempts)

    async def errors(self, report: Report) -> AsyncIterator[RowError]:
        """Why rows of the batch failed, page by page."""
        address = report.errors
        while address:
            url = self._own(address)

            async def attempt(token: str, url: str = url) -> _Answer:
                return await self._get(url, token)

            page = read_errors((await self._persistently(attempt)).body)
            if page is None:
                raise Refused(f"The list of errors at {url} makes no sense.")
            for item in page.items:
                yield item
            address = page.next

    def _own(self, address: str) -> str:
        """The address, if it is the service's: the token is shown to nobody else."""
        url = urljoin(f"{self._api_url}/", address)
        if not urlsplit(url).query:
            url += f"?limit={PAGE}"
        if urlsplit(url)[:2] != urlsplit(self._api_url)[:2]:
            raise Refused("The list of errors is said to be on another host.")
        return url

    async def _persistently(self, attempt: Callable[[str], Awaitable[_Answer]]) -> _Answer:
        began, number, was_refused = self._retries.clock(), 0, False
        while True:
            number += 1
            try:
                token = await self._token()
                return await self._attempted(attempt, token)
            except _TokenRefused as error:
                if was_refused:
                    raise NotAllowed(f"Our token is not taken: {error}") from None
                was_refused = True
                self._tokens.invalidate(token)
                self._tell("The token was refused; asking for another.")
            except _Passing as error:
                pause = self._retries.pause(began, number, error.retry_after)
                if pause is None:
                    raise Unreachable(f"{error} Gave up after {_times(number)}.") from None
                self._tell(f"{error} Trying again in {pause:.0f} s.")
                await self._sleep(pause)

    async def _attempted(self, attempt: Callable[[str], Awaitable[_Answer]], token: str) -> _Answer:
        try:
            return self._checked(await attempt(token))
        except (aiohttp.ClientError, OSError) as error:
            raise _Passing(f"{self._api_url}: {_reason(error)}.") from error

    async def _token(self) -> str:
        try:
            return await self._tokens.get()
        except MachineTokenRefused as error:
            raise NotAllowed(f"No token for this client: {error}.") from error
        except MachineTokenUnavailable as error:
            raise _Passing(f"No token was to be had: {error}.") from error

    async def _post(self, body: Body, key: str, query: Mapping[str, str], token: str) -> _Answer:
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "Content-Length": str(body.size),
            "Idempotency-Key": key,
        }
        async with asyncio.timeout(self._timeouts.connect + self._timeouts.stall) as deadline:
            url, pieces = f"{self._api_url}/v1/batches", self._pieces(body, deadline)
            return await self._ask("POST", url, token, headers, data=pieces, params=query)

    async def _pieces(self, body: Body, deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
        """The body; as long as it is taken, the deadline moves."""
        now, sent = asyncio.get_running_loop().time, 0
        for chunk in body.chunks():
            deadline.reschedule(now() + self._timeouts.stall)
            yield chunk
            sent += len(chunk)
            self._sent(sent)
        deadline.reschedule(now() + self._timeouts.answer)

    async def _get(self, url: str, token: str) -> _Answer:
        async with asyncio.timeout(self._timeouts.connect + self._timeouts.stall):
            return await self._ask("GET", url, token, {})

    async def _ask(
        self,
        method: str,
        url: str,
        token: str,
        headers: dict[str, str],
        *,
        data: AsyncIterator[bytes] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> _Answer:
        """A redirect is not followed: the token and the hours would go to whoever it names."""
        sent = {**headers, "Accept": "application/json", "Authorization": f"Bearer {token}"}
        async with self._session.request(
            method, url, data=data, params=params, headers=sent, allow_redirects=False
        ) as response:
            return _Answer(response.status, response.headers, await _read(response))

    def _checked(self, answer: _Answer) -> _Answer:
        """A good answer, or what else it comes down to."""
        status = answer.status
        # A batch that was refused for its rows is an answer too, whatever its status.
        if 200 <= status < 300 or (status == 422 and read_report(answer.body)):
            return answer
        if status in PASSING:
            retry_after = read_retry_after(answer.headers.get("Retry-After"))
            raise _Passing(f"{self._api_url} answers {status}: {answer.problem}.", retry_after)
        if status == 401:
            raise _TokenRefused(answer.problem)
        if status == 403:
            raise NotAllowed(f"This client may not do this: {answer.problem}")
        if 300 <= status < 400:
            raise Refused(f"{self._api_url} redirects ({status}): is TIMESHEETS_URL right?")
        raise Refused(f"The service refuses the upload ({status}): {answer.problem}")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_chunked(64 << 10):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return body


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.os_error.strerror or error.os_error})"
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return "the connection broke"
    return f"{type(error).__name__}"


def _times(number: int) -> str:
    return "one attempt" if number == 1 else f"{number} attempts"
