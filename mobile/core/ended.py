"""The stores of people whose sign-in has ended, once somebody else signs in on the device."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from mobile.core.database import Database, NewerStore, StoreDamaged, StoreFull
from mobile.core.drafts import DRAFTS, FAVOURITES
from mobile.core.outbox import Outbox
from mobile.core.store import Store
from mobile.core.timer import TIMER, keep_timer

log = logging.getLogger(__name__)

# The server has a copy of the rest.
_KEPT_META = ("person", DRAFTS, FAVOURITES, TIMER)


def clear_others(folder: Path, present: Path | None) -> None:
    """Delete what other people left in `folder`, as signing out does, except what is unsent.

    `present` is the store that stays as it is. A store that cannot be read stays too: only its
    owner can rescue what is in it.
    """
    for path in folder.glob("*.db"):
        if path == present:
            continue
        try:
            _clear(path)
        except (sqlite3.Error, OSError, NewerStore, StoreDamaged, StoreFull):
            log.warning("the store of somebody else could not be cleared")


def _clear(path: Path) -> None:
    database = Database(path, _owner(path))
    store = Store(database)
    if not sum(Outbox(database).counts()) and not store.get(DRAFTS):
        keep_timer(store, path.with_suffix(".timer"))
        database.wipe()
        return
    try:
        with database.transaction() as connection:
            for table in _tables(connection):
                connection.execute(f"DELETE FROM {table}")
            marks = ", ".join("?" * len(_KEPT_META))
            connection.execute(f"DELETE FROM meta WHERE key NOT IN ({marks})", _KEPT_META)
    finally:
        database.close()


def _owner(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT value FROM meta WHERE key = 'person'").fetchone()
    finally:
        connection.close()
    if found is None:
        raise StoreDamaged("no owner")
    return str(found[0])


def _tables(connection: sqlite3.Connection) -> list[str]:
    """The tables that hold copies of what the server has."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [row[0] for row in rows if row[0] not in ("meta", "outbox", "sqlite_sequence")]
