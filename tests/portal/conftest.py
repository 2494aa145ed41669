"""The portal of the running stack, and Debian's Chromium where there is one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.portal.browser import CHROMIUM, HAS_CHROMIUM, Browsing
from tests.portal.client import PortalClient
from tests.portal.own import OwnPortal, Relay, own_portal, relay_to
from tests.support.stack import Running


@pytest.fixture(scope="session")
def origin(stack: Running) -> str:
    return stack.addresses.gateway


@pytest.fixture
async def client(origin: str) -> AsyncIterator[PortalClient]:
    async with PortalClient(origin) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsing(origin: str) -> AsyncIterator[Browsing]:
    if not HAS_CHROMIUM:
        pytest.skip(f"{CHROMIUM} is not installed: the portal is not tested in a browser")
    async with Browsing(origin) as made:
        yield made


@pytest.fixture
async def relay(stack: Running) -> AsyncIterator[Relay]:
    """The gateway, with answers of its own where a test says so."""
    async with relay_to(stack.addresses.gateway) as made:
        yield made


@pytest.fixture
async def portal(stack: Running, relay: Relay) -> AsyncIterator[OwnPortal]:
    """A portal of the test, whose API is the relay."""
    async with own_portal(stack, relay.url) as made:
        yield made
