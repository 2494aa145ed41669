"""Tokens for this machine itself, by client credentials (RFC 6749 4.4)."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp

from libs.auth.errors import MachineTokenRefused, MachineTokenUnavailable
from libs.auth.single_flight import Flight
from libs.auth.strict_json import InvalidDocument, receive_object

TIMEOUT = 10.0
MAX_DOCUMENT = 64 * 1024
MARGIN = 60.0
"""Seconds before its expiry at which a token is replaced, or half its life if that is less."""


@dataclass(frozen=True, slots=True)
class _Grant:
    token: str = field(repr=False)
    good_until: float


class MachineTokens:
    """The access token of a machine, kept until shortly before it expires.

    One request at a time, however many callers wait. `clock` counts seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token_url: str,
        client_id: str,
        client_secret: str,
        audience: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        timeout: float = TIMEOUT,
    ) -> None:
        self._session = session
        self._token_url = token_url
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "audience": audience,
        }
        self._clock = clock
        self._timeout = timeout
        self._grant: _Grant | None = None
        self._flight = Flight(self._request)

    async def get(self) -> str:
        """A token that is good for a while.

        Raises `MachineTokenRefused` when the endpoint says no, `MachineTokenUnavailable` when it
        cannot be reached or makes no sense.
        """
        grant = self._grant
        if grant is None or self._clock() >= grant.good_until:
            grant = await self._flight.join()
        return grant.token

    def invalidate(self, token: str | None = None) -> None:
        """Forget the token after a 401. Given the one that was refused, a newer one is kept."""
        if self._grant is not None and token in (None, self._grant.token):
            self._grant = None

    async def close(self) -> None:
        """Cancel a request for a token that is under way."""
        await self._flight.close()

    async def _request(self) -> _Grant:
        requested_at = self._clock()
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._post()
        except (aiohttp.ClientError, OSError) as error:
            raise MachineTokenUnavailable(f"{self._token_url}: {error!r}") from error
        except InvalidDocument as error:
            raise MachineTokenUnavailable(f"{self._token_url}: the answer is {error}") from error
        self._grant = _granted(answer, requested_at)
        return self._grant

    async def _post(self) -> dict[str, object]:
        async with self._session.post(
            self._token_url,
            data=self._form,
            allow_redirects=False,
            headers={"Accept": "application/json"},
        ) as response:
            if 400 <= response.status < 500 and response.status not in (408, 429):
                raise MachineTokenRefused(await _refusal(response))
            if response.status != 200:
                raise InvalidDocument(f"status {response.status}")
            return await receive_object(response, MAX_DOCUMENT)


async def _refusal(response: aiohttp.ClientResponse) -> str:
    """The error code of RFC 6749 5.2, and nothing else of what came back."""
    try:
        error = (await receive_object(response, MAX_DOCUMENT)).get("error")
    except InvalidDocument:
        error = None
    known = type(error) is str and error.isascii() and error.isprintable() and len(error) <= 64
    return f"status {response.status}, {error if known else 'no error code'}"


def _granted(answer: Mapping[str, object], requested_at: float) -> _Grant:
    token, lifetime = answer.get("access_token"), answer.get("expires_in")
    if str(answer.get("token_type")).lower() != "bearer":
        raise MachineTokenUnavailable("the token is not a bearer token")
    if type(token) is not str or not token.isascii() or not token.isprintable() or not token:
        raise MachineTokenUnavailable("there is no token in the answer")
    if type(lifetime) is not int or lifetime <= 0:
        raise MachineTokenUnavailable("the token response has no lifetime")
    return _Grant(token, requested_at + lifetime - min(MARGIN, lifetime / 2))
