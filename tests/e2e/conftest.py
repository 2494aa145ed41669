"""Fixtures for end-to-end tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import Databases
from tests.e2e.agency import Agency, running_agency
from tests.e2e.half_year.company import Company
from tests.support.client import Service
from tests.support.issuer import Issuer


@pytest.fixture
async def agency(
    entries: Service, issuer: Issuer, entries_database: str, tmp_path: Path
) -> AsyncIterator[Agency]:
    async with running_agency(entries, issuer, entries_database, tmp_path) as running:
        yield running


@pytest.fixture
async def company(
    databases: Databases, issuer: Issuer, session: aiohttp.ClientSession
) -> AsyncIterator[Company]:
    """The three services with a clock that the test moves."""
    urls = {name: databases.own(name) for name in ("entries", "approvals", "profile")}
    async with AsyncExitStack() as stack:
        company = Company(urls, issuer, session)
        await company.start(stack)
        yield company
