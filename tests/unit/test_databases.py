"""The databases that tests are given."""

from __future__ import annotations

import asyncpg
import pytest

from dev.postgres import PostgresServer
from tests import conftest
from tests.conftest import Databases


@pytest.fixture
def fresh(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Databases:
    """Databases of a session of its own, with templates of its own."""
    made = Databases(postgres)
    create, url, drop = postgres.create_database, postgres.url, postgres.drop_database

    def renamed(name: str) -> str:
        return f"other_{name}"

    monkeypatch.setattr(
        postgres,
        "create_database",
        lambda name, template=None: create(
            renamed(name), template=None if template is None else renamed(template)
        ),
    )
    monkeypatch.setattr(postgres, "url", lambda name: url(renamed(name)))
    monkeypatch.setattr(postgres, "drop_database", lambda name: drop(renamed(name)))
    return made


async def test_a_database_can_be_had_while_an_event_loop_runs(databases: Databases) -> None:
    connection = await asyncpg.connect(databases.shared("profile"))
    count = await connection.fetchval("SELECT count(*) FROM people")
    await connection.close()
    assert count == 0


def test_a_migration_that_fails_leaves_no_template_behind(
    fresh: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_package: str, _url: str) -> None:
        raise RuntimeError("broken migration")

    with monkeypatch.context() as patch:
        patch.setattr(conftest, "upgrade", fail)
        with pytest.raises(RuntimeError, match="broken migration"):
            fresh.own("profile")
    assert fresh.own("profile").endswith("other_test_1")
