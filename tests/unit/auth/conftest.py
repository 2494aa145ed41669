"""An issuer that speaks HTTP, and a clock that the issuer, the keys and the verifier share."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from libs.auth import FetchOutcome, JwksKeys, Outcome, TokenVerifier
from tests.support.issuer import Issuer


class Seconds:
    """A clock that the test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 1_795_435_200.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def issuer(seconds: Seconds) -> AsyncIterator[Issuer]:
    async with Issuer(clock=seconds) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


@pytest.fixture
def fetched() -> list[FetchOutcome]:
    """The outcome of each fetch of the keys."""
    return []


@pytest.fixture
def verified() -> list[Outcome]:
    """The outcome of each verification."""
    return []


@pytest.fixture
async def keys(
    session: aiohttp.ClientSession, issuer: Issuer, seconds: Seconds, fetched: list[FetchOutcome]
) -> AsyncIterator[JwksKeys]:
    made = JwksKeys(
        session,
        issuer.issuer,
        issuer.jwks_url,
        clock=seconds,
        on_fetch=fetched.append,
    )
    yield made
    await made.close()


@pytest.fixture
def verifier(
    issuer: Issuer, keys: JwksKeys, seconds: Seconds, verified: list[Outcome]
) -> TokenVerifier:
    return TokenVerifier(
        issuer.issuer, issuer.audience, keys, clock=seconds, on_verified=verified.append
    )
