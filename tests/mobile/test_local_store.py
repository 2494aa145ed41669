"""The local store over versions of the app, on a full device, and after damage."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mobile.core.changes import ChangeKind
from mobile.core.database import Database, NewerStore, StoreFull, WrongPerson
from mobile.core.drafts import Drafts, SavedDraft
from mobile.core.migrations import MIGRATIONS
from mobile.core.outbox import Outbox
from mobile.core.recovery import open_store
from mobile.core.store import Store
from tests.mobile.device import MONDAY, PROJECTS, Device, draft
from tests.mobile.support import AppClock

ERIN = "auth0|erin"
ENTRY = ("11111111-1111-4111-8111-111111111111", str(MONDAY), "APOLLO", None, 60, "note", 1, "app")


def old_store(path: Path, version: int) -> None:
    """The database of a released version: one entry, one unsent change, a timer."""
    connection = sqlite3.connect(path)
    for statements in MIGRATIONS[:version]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("INSERT INTO meta VALUES ('person', ?)", (ERIN,))
    connection.execute("INSERT INTO meta VALUES ('timer', '{\"project\": \"ZEUS\"}')")
    connection.execute(
        "INSERT INTO entries (id, date, project, task, minutes, note, billable, source, version)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 3)",
        ENTRY,
    )
    connection.execute(
        "INSERT INTO outbox (kind, target, weeks, body, base, created_at) VALUES"
        " ('put', 'x', '2026-W48', ?, NULL, '2026-11-23T12:00:00+00:00')",
        ('{"date": "2026-11-23", "project": "APOLLO", "minutes": 5}',),
    )
    connection.commit()
    connection.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_every_released_schema_is_migrated_with_its_data(tmp_path: Path, version: int) -> None:
    path = tmp_path / "app.db"
    old_store(path, version)

    database = Database(path, ERIN)

    store, outbox = Store(database), Outbox(database)
    assert [entry.id for entry in store.entries(MONDAY, MONDAY)] == [ENTRY[0]]
    assert [change.target for change in outbox.all()] == ["x"]
    assert store.get("timer") == {"project": "ZEUS"}
    assert store.timesheets("2026-W01", "2026-W53") == []
    assert store.calendar.absences() == []
    database.close()
    Database(path, ERIN).close()


def test_a_store_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    old_store(path, len(MIGRATIONS))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(NewerStore):
        open_store(path, ERIN)
    assert [file.name for file in tmp_path.glob("*damaged*")] == []


def test_a_migration_that_fails_leaves_the_old_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "app.db"
    old_store(path, 1)
    broken = (*MIGRATIONS[:1], (MIGRATIONS[1][0], "CREATE nonsense"))
    monkeypatch.setattr("mobile.core.database.MIGRATIONS", broken)
    with pytest.raises(Exception, match="nonsense"):
        Database(path, ERIN)
    monkeypatch.undo()

    database = Database(path, ERIN)
    assert Outbox(database).counts() == (1, 0)
    database.close()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a store with 300 unsent changes, none of which is in its journal."""
    path = tmp_path_factory.mktemp("filled") / "app.db"
    database = Database(path, ERIN)
    device = Device(database, AppClock())
    device.store.replace_projects(PROJECTS)
    for number in range(300):
        device.timesheet.save(draft(minutes=1, note=f"change {number} {'x' * 200}"))
    Drafts(device.store).put(SavedDraft("d", draft().date, note="half a sentence"))
    database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.read_bytes()


def test_unsent_changes_are_rescued_from_a_truncated_store(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(content[: len(content) * 3 // 4])

    opened = open_store(path, ERIN)

    assert opened.rescued is not None
    assert opened.rescued > 50
    assert Outbox(opened.database).counts() == (opened.rescued, 0)
    assert [each.note for each in Drafts(Store(opened.database)).all()] == ["half a sentence"]
    assert [file.name for file in tmp_path.glob("*damaged-1")] == ["app.db.damaged-1"]
    opened.database.close()


def test_an_unreadable_store_is_set_aside_and_the_app_starts(
    tmp_path: Path, app_clock: AppClock, content: bytes
) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(b"\xff" * 4096 + content[4096:])

    opened = open_store(path, ERIN)
    assert opened.rescued == 0
    device = Device(opened.database, app_clock)
    device.store.replace_projects(PROJECTS)
    device.timesheet.save(draft())
    assert device.outbox.counts() == (1, 0)
    opened.database.close()

    # The damaged file is kept, and a second one does not overwrite it.
    path.write_bytes(b"no database at all, and longer than the header of one" * 9)
    open_store(path, ERIN).database.close()
    assert len(list(tmp_path.glob("*.damaged-?"))) == 2


def test_signing_out_deletes_what_was_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(b"\xff" * 8192)
    open_store(path, ERIN).database.wipe()

    assert list(tmp_path.iterdir()) == []


def test_nobody_opens_the_store_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    old_store(path, 1)

    with pytest.raises(WrongPerson):
        open_store(path, "auth0|maya")


def test_a_full_device_refuses_a_change_in_words_and_keeps_the_rest(
    tmp_path: Path, app_clock: AppClock
) -> None:
    device = Device(Database(tmp_path / "app.db", ERIN), app_clock)
    device.store.replace_projects(PROJECTS)
    device.timesheet.save(draft())
    fill_disk(device.database)

    with pytest.raises(StoreFull):
        device.store.set("large", "x" * 100_000)
    with pytest.raises(StoreFull):
        save_much(device)
    assert not device.database.connection.in_transaction

    free_disk(device.database)
    device.timesheet.save(draft(minutes=2))
    assert device.outbox.all()[-1].kind is ChangeKind.PUT
    device.database.close()


def save_much(device: Device) -> None:
    for number in range(100):
        device.timesheet.save(draft(minutes=1, note=f"{number}" * 900))


def fill_disk(database: Database) -> None:
    [pages] = database.connection.execute("PRAGMA page_count").fetchone()
    database.connection.execute(f"PRAGMA max_page_count = {pages}")


def free_disk(database: Database) -> None:
    database.connection.execute("PRAGMA max_page_count = 1000000")
