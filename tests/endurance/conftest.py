"""A database server that a test may stop, kill and fill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.ports import free_port
from dev.postgres import PostgresServer
from tests.conftest import Databases
from tests.support.fleet import NAMES


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    """One that forgets nothing, on a port that stays its own."""
    with PostgresServer(tmp_path / "postgres", free_port()) as started:
        yield started


@pytest.fixture
def urls(server: PostgresServer) -> dict[str, str]:
    databases = Databases(server)
    return {name: databases.own(name) for name in NAMES}
