"""Compaction and dead letters on the command line."""

import asyncio
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from libs.feed import inbox
from libs.feed.applying import Applier
from libs.feed.compaction import compact
from libs.feed.events import Event
from libs.feed.maintenance import main
from libs.feed.metrics import FollowerMetrics
from libs.feed.wire import Delivery
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from tests.feeds.conftest import (
    HANDLERS,
    NOON,
    SOURCE,
    Served,
    delivery,
    fetch,
    publish_all,
)
from tests.support.connections import started

OLD = NOON - timedelta(days=91)
NEW = NOON - timedelta(days=89)
PACKAGE = """
from libs.feed.wire import data_as

async def mended(connection, events):
    for event in events:
        if data_as(dict, event).get("fail") == "for ever":
            raise LookupError("still broken")
        what = f"mended {event.sequence}"
        await connection.execute("INSERT INTO effects (what) VALUES ($1)", what)

HANDLERS = {"entries": {"timesheet.submitted": mended}}
"""


async def publish_history(publisher: Database) -> None:
    history = [
        ("erin", OLD),
        ("pat", OLD),
        ("erin", OLD),
        ("erin", OLD),
        ("maya", OLD),
        ("erin", NEW),
        ("pat", NEW),
        ("pat", NEW),
    ]
    await publish_all(
        publisher, *(Event("person.changed", subject, time, {}) for subject, time in history)
    )


KEPT = [2, 4, 5, 6, 7, 8]
CURSOR = "SELECT after FROM feed_cursors WHERE source = 'compaction'"


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
async def test_of_old_events_the_newest_of_each_subject_stays(
    publisher: Database, step: int
) -> None:
    await publish_history(publisher)

    assert await compact(publisher, NOON, step=step) == 2
    assert await fetch(publisher, "SELECT sequence FROM events ORDER BY 1") == KEPT
    assert await compact(publisher, NOON, step=step) == 0


async def test_compaction_goes_on_where_it_ended(publisher: Database) -> None:
    await publish_history(publisher)
    await compact(publisher, NOON)
    # Before the place where it ended, nothing is looked at again, except for subjects with a
    # newer event that has become old since.
    later = NOON + (NEW - OLD) + timedelta(days=1)
    assert await fetch(publisher, CURSOR) == [5]
    assert await compact(publisher, later, step=1) == 3
    assert await fetch(publisher, "SELECT sequence FROM events ORDER BY 1") == [5, 6, 8]
    assert await fetch(publisher, CURSOR) == [8]


async def test_compaction_leaves_the_work_to_a_replica_that_is_at_it(publisher: Database) -> None:
    await publish_history(publisher)
    await compact(publisher, NOON - timedelta(days=1000))
    async with publisher.connection() as other, other.transaction():
        await other.execute("SELECT FROM feed_cursors FOR UPDATE")
        assert await compact(publisher, NOON) == 0
    assert await compact(publisher, NOON) == 2


async def test_compacting_a_feed_without_events_does_nothing(publisher: Database) -> None:
    assert await compact(publisher, NOON) == 0


async def test_a_reader_misses_nothing_that_holds_while_the_feed_is_compacted(
    served: Served, publisher: Database
) -> None:
    await publish_history(publisher)
    first = await served.caller().get("/v1/entries/feed?limit=1")
    await compact(publisher, NOON)
    second = await served.caller().get(f"/v1/entries/feed?after={first.headers['Feed-Cursor']}")

    assert [int(one["sequence"]) for one in second.json] == KEPT


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A service whose handlers have been mended."""
    folder = tmp_path / "mended_service"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "feeds.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("mended_service", "mended_service.feeds"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "mended_service"


@pytest.fixture
def environ(urls: tuple[str, str]) -> dict[str, str]:
    return {"DATABASE_URL": urls[1]}


@pytest.fixture
def dead_letter(follower_settings: DatabaseSettings) -> None:
    """Three that failed; the first was superseded."""
    asyncio.run(
        _apply(
            follower_settings,
            delivery(1, "erin", fail="once"),
            delivery(2, "pat", fail="once"),
            delivery(3, "erin", what="newer"),
            delivery(4, "maya", fail="for ever"),
        )
    )


async def _apply(settings: DatabaseSettings, *deliveries: Delivery) -> None:
    holder = uuid.uuid4()
    async with started(settings) as db:
        async with db.connection() as connection:
            await inbox.acquire_lease(connection, SOURCE, holder, 60)
        metrics = FollowerMetrics(CollectorRegistry())
        await Applier(db, SOURCE, HANDLERS, holder, metrics, 60.0).apply(deliveries)


def ask(settings: DatabaseSettings, sql: str) -> list[object]:
    async def read() -> list[object]:
        connection = await asyncpg.connect(settings.dsn)
        rows = await connection.fetch(sql)
        await connection.close()
        return [row[0] for row in rows]

    return asyncio.run(read())


LEFT = "SELECT sequence FROM feed_set_aside ORDER BY sequence"
EFFECTS = "SELECT what FROM effects ORDER BY number"


@pytest.mark.usefixtures("dead_letter")
def test_dead_letters_are_listed_with_their_reasons(
    package: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dead-letters", "list", package], environ) == 0

    first, second, third = (
        line for line in capsys.readouterr().out.splitlines() if line.startswith(SOURCE)
    )
    assert "entries 1" in first
    assert "superseded by 3" in first
    assert second == (
        "entries 2 2026-11-23T12:00:00Z timesheet.submitted pat (1 tries): LookupError: once"
    )
    assert "for ever" in third


@pytest.mark.usefixtures("dead_letter")
def test_retrying_handles_all_that_nothing_newer_replaced(
    package: str,
    environ: dict[str, str],
    follower_settings: DatabaseSettings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["dead-letters", "retry", package], environ) == 1

    assert ask(follower_settings, EFFECTS) == ["newer", "mended 2"]
    assert ask(follower_settings, LEFT) == [1, 4]
    assert ask(follower_settings, "SELECT tries FROM feed_set_aside WHERE sequence = 4") == [2]
    assert "LookupError: still broken" in capsys.readouterr().out


@pytest.mark.usefixtures("dead_letter")
def test_one_that_was_replaced_is_retried_when_it_is_named(
    package: str, environ: dict[str, str], follower_settings: DatabaseSettings
) -> None:
    assert main(["dead-letters", "retry", package, SOURCE, "1"], environ) == 0

    assert ask(follower_settings, EFFECTS) == ["newer", "mended 1"]
    assert ask(follower_settings, LEFT) == [2, 4]


@pytest.mark.usefixtures("dead_letter")
def test_one_that_will_never_do_is_dropped(
    package: str, environ: dict[str, str], follower_settings: DatabaseSettings
) -> None:
    assert main(["dead-letters", "drop", package, SOURCE, "4"], environ) == 0
    assert main(["dead-letters", "drop", package, SOURCE, "4"], environ) == 1

    assert ask(follower_settings, LEFT) == [1, 2]


@pytest.mark.usefixtures("dead_letter")
def test_an_event_without_a_handler_stays_a_dead_letter(
    package: str, environ: dict[str, str], follower_settings: DatabaseSettings
) -> None:
    (Path(sys.path[0]) / package / "feeds.py").write_text("HANDLERS = {}")

    assert main(["dead-letters", "retry", package], environ) == 1
    assert ask(follower_settings, LEFT) == [1, 2, 4]


def test_compaction_is_a_command(
    environ: dict[str, str], follower_settings: DatabaseSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_publish_twice(follower_settings))

    assert main(["compact", "services.entries"], environ) == 0
    assert "1 events removed" in capsys.readouterr().out


async def _publish_twice(settings: DatabaseSettings) -> None:
    async with started(settings) as db:
        await publish_all(db, *(Event("t", "s", OLD - timedelta(days=900), {}) for _ in range(2)))


def test_missing_settings_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compact", "services.entries"], {}) == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err
