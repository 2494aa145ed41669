"""The company of the half year."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.conftest import Databases
from tests.e2e.half_year.company import Company
from tests.support.issuer import Issuer


@pytest.fixture
async def company(
    databases: Databases, issuer: Issuer, session: aiohttp.ClientSession
) -> AsyncIterator[Company]:
    urls = {name: databases.own(name) for name in ("entries", "approvals", "profile")}
    async with AsyncExitStack() as stack:
        company = Company(urls, issuer, session)
        await company.start(stack)
        yield company
