"""The service and a connection to its database, for cases that follow each other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest


@pytest.fixture
async def connection(entries_database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(entries_database)
    yield opened
    await opened.close()
