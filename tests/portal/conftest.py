"""The portal of the running stack, and Debian's Chromium where there is one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.portal.browser import CHROMIUM, HAS_CHROMIUM, Browsing
from tests.portal.client import PortalClient
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
