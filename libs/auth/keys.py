"""The issuer's public keys, fetched from its JWKS and kept."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from enum import StrEnum
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from libs.auth.errors import KeysUnavailable
from libs.auth.keyset import KeySet, parse_key_set
from libs.auth.single_flight import Flight
from libs.auth.strict_json import InvalidDocument, receive_object

TIMEOUT = 3.0
MAX_DOCUMENT = 64 * 1024
FRESH = 10 * 60
USABLE = 24 * 3600
SEARCH_PAUSE = 30
"""Between two fetches that unknown key ids bring about."""
STALE_PAUSE = 30
"""After a fetch that failed, while there are keys to work with."""
EMPTY_PAUSE = 5
"""After a fetch that failed, while there are none."""

_log = logging.getLogger(__name__)


class FetchOutcome(StrEnum):
    """The outcome of fetching the key set, passed to `on_fetch`."""

    FETCHED = "fetched"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"


class JwksKeys:
    """The keys that the issuer publishes, by their id.

    Fresh for 10 minutes, then refreshed in the background, and kept for 24 hours while
    the issuer is down. One fetch at a time. Without `jwks_url` the issuer's discovery document
    tells it. `generation` rises whenever the keys change. `clock` counts seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        issuer: str,
        jwks_url: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_fetch: Callable[[FetchOutcome], object] = lambda _outcome: None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.generation = 0
        self._session = session
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._discovered_url: str | None = None
        self._clock = clock
        self._on_fetch = on_fetch
        self._timeout = timeout
        self._flight = Flight(self._fetch)
        self._keys: KeySet = {}
        self._fetched_at = -math.inf
        self._failed_at = -math.inf
        self._searched_at = -math.inf

    def tend(self) -> None:
        """Drop keys that are too old and refresh stale ones in the background.

        Called for each request, so it costs next to nothing. Needs a running event loop.
        """
        now = self._clock()
        age = now - self._fetched_at
        if age < FRESH or not self._keys:
            return
        if age >= USABLE:
            self._keys = {}
            self.generation += 1
        elif now - self._failed_at >= STALE_PAUSE:
            self._flight.start()

    def get(self, kid: str) -> RSAPublicKey | None:
        """The key of that id, if it is at hand."""
        return self._keys.get(kid)

    async def find(self, kid: str) -> RSAPublicKey | None:
        """The key of that id, or None if the issuer has none such, as far as we may ask.

        Raises `KeysUnavailable` while there are no keys at all.
        """
        self.tend()
        if not self._keys:
            await self._fetch_first()
        elif kid not in self._keys:
            await self._search(kid)
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Fetch the keys now, at start for example. A failure shows in `on_fetch` alone."""
        await self._flight.join()

    async def close(self) -> None:
        """Cancel a fetch that is under way."""
        await self._flight.close()

    async def _fetch_first(self) -> None:
        if self._flight.is_under_way or self._clock() - self._failed_at >= EMPTY_PAUSE:
            await self._flight.join()
        if not self._keys:
            raise KeysUnavailable(EMPTY_PAUSE)

    async def _search(self, kid: str) -> None:
        """Ask the issuer for a key id that we do not know, but not often: anybody can make one up.

        Until it may be asked again, an id that it did not know stays unknown.
        """
        while self._flight.is_under_way:
            await self._flight.join()
            if kid in self._keys:
                return
        # A fetch under way may have begun before the key was published, so it is no answer.
        now = self._clock()
        if now - self._searched_at >= SEARCH_PAUSE:
            self._searched_at = now
            await self._flight.join()

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                keys = parse_key_set(await self._get(await self._address()))
        # An address that is none raises ValueError too.
        except ValueError as error:
            self._fail(FetchOutcome.INVALID, error)
        except (aiohttp.ClientError, OSError) as error:
            self._fail(FetchOutcome.UNREACHABLE, error)
        else:
            self._take(keys)

    def _take(self, keys: KeySet) -> None:
        self._fetched_at = self._clock()
        if keys != self._keys:
            self._keys = keys
            self.generation += 1
        self._on_fetch(FetchOutcome.FETCHED)

    def _fail(self, outcome: FetchOutcome, error: Exception) -> None:
        self._failed_at = self._clock()
        self._discovered_url = None
        self._on_fetch(outcome)
        _log.warning("the keys of %s are %s: %r", self._issuer, outcome, error)

    async def _address(self) -> str:
        """OpenID Connect Discovery 4: a document that speaks of another issuer is not for us."""
        if self._jwks_url is not None:
            return self._jwks_url
        if self._discovered_url is None:
            document = await self._get(
                f"{self._issuer.removesuffix('/')}/.well-known/openid-configuration"
            )
            if document.get("issuer") != self._issuer:
                raise InvalidDocument("the discovery document is of another issuer")
            self._discovered_url = self._checked_address(document.get("jwks_uri"))
        return self._discovered_url

    def _checked_address(self, address: object) -> str:
        """Keys come over a channel no weaker than the issuer's own."""
        schemes = {"https", urlsplit(self._issuer).scheme}
        if type(address) is not str or urlsplit(address).scheme not in schemes:
            raise InvalidDocument("jwks_uri is not an address to fetch keys from")
        return address

    async def _get(self, address: str) -> dict[str, object]:
        async with self._session.get(
            address, allow_redirects=False, headers={"Accept": "application/json"}
        ) as response:
            if response.status != 200:
                raise InvalidDocument(f"status {response.status}")
            return await receive_object(response, MAX_DOCUMENT)
