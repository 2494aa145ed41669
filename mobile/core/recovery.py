"""Opening a store whatever state its file is in: a damaged one is set aside, not lost."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobile.core.database import Database, StoreDamaged
from mobile.core.drafts import DRAFTS, FAVOURITES
from mobile.core.timer import TIMER

log = logging.getLogger(__name__)

# Of the rest the server has a copy.
_KEPT_META = (TIMER, DRAFTS, FAVOURITES, "reasons", "scopes", "identity")
_COLUMNS = ("kind", "target", "weeks", "body", "base", "tried", "created_at", "problem")


@dataclass(frozen=True, slots=True)
class OpenedStore:
    """`rescued` counts the unsent changes saved from a damaged file; None: it was sound."""

    database: Database
    rescued: int | None = None


def open_store(path: Path, person: str) -> OpenedStore:
    """Open the store; if it is damaged, set it aside, create a new one and rescue unsent changes.

    Raises `WrongPerson`, `NewerStore` or `StoreFull`.
    """
    try:
        return OpenedStore(Database(path, person))
    except StoreDamaged as error:
        log.warning("the local store is damaged: %s", error)
    damaged = _set_aside(path)
    database = Database(path, person)
    try:
        return OpenedStore(database, _rescue(damaged, database))
    except sqlite3.Error:
        log.exception("nothing could be rescued")
        return OpenedStore(database, 0)


def _set_aside(path: Path) -> Path:
    """Rename the file and its journal; the name tells the next free number."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        journal = path.with_name(path.name + suffix)
        if journal.exists():
            journal.rename(aside.with_name(aside.name + suffix))
    return aside


def _rescue(damaged: Path, database: Database) -> int:
    rows, meta = _read(sqlite3.connect(damaged, isolation_level=None))
    if not rows and not meta:
        rows, meta = _read(_open_patched(damaged))
    owner = next((row["value"] for row in meta if row["key"] == "person"), database.person)
    if owner != database.person:
        return 0
    values = [tuple(row[column] for column in _COLUMNS) for row in rows if _is_sound(row)]
    marks = ", ".join("?" * len(_COLUMNS))
    with database.transaction() as connection:
        connection.executemany(
            f"INSERT INTO outbox ({', '.join(_COLUMNS)}) VALUES ({marks})", values
        )
        connection.executemany(
            "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
            [(row["key"], row["value"]) for row in meta if row["key"] in _KEPT_META],
        )
    return len(values)


def _read(source: sqlite3.Connection) -> tuple[list[Any], list[Any]]:
    """Read as much as possible of the outbox and of the single values."""
    source.row_factory = sqlite3.Row
    try:
        rows = list(_readable(source, "SELECT * FROM outbox ORDER BY seq"))
        return rows, list(_readable(source, "SELECT key, value FROM meta"))
    finally:
        source.close()


def _open_patched(damaged: Path) -> sqlite3.Connection:
    """A copy in memory whose header says how many pages are left of a truncated file.

    SQLite's file format, section 1.3: page size at offset 16, versions at 18, page count at 28.
    """
    content = bytearray(damaged.read_bytes())
    page_size = int.from_bytes(content[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    source = sqlite3.connect(":memory:", isolation_level=None)
    if not content.startswith(b"SQLite format 3\0") or page_size < 512:
        return source
    pages = len(content) // page_size
    content[18:20] = b"\x01\x01"  # no write-ahead log
    content[28:32] = pages.to_bytes(4, "big")
    source.deserialize(bytes(content[: pages * page_size]))
    return source


def _readable(source: sqlite3.Connection, query: str) -> Iterator[Any]:
    """The rows before the first one that cannot be read."""
    try:
        yield from source.execute(query)
    except sqlite3.DatabaseError as error:
        log.warning("a damaged table ends here: %s", error)


def _is_sound(row: Any) -> bool:
    try:
        json.loads(row["body"])
    except (TypeError, ValueError):
        return False
    return isinstance(row["target"], str) and isinstance(row["weeks"], str)
