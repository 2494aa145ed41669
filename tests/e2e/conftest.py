"""Fixtures for end-to-end tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.agency import Agency, running_agency
from tests.support.client import Service
from tests.support.issuer import Issuer


@pytest.fixture
async def agency(
    entries: Service, issuer: Issuer, entries_database: str, tmp_path: Path
) -> AsyncIterator[Agency]:
    async with running_agency(entries, issuer, entries_database, tmp_path) as running:
        yield running
