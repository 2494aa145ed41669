"""The app's own store: one SQLite file for each person, so that nothing can pass between two."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = 1

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    id TEXT PRIMARY KEY, date TEXT NOT NULL, project TEXT NOT NULL, task TEXT,
    minutes INTEGER NOT NULL, note TEXT NOT NULL, billable INTEGER NOT NULL,
    source TEXT NOT NULL, version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX entries_by_date ON entries (date);
CREATE INDEX entries_by_project ON entries (project, date);
CREATE TABLE sheets (
    week TEXT PRIMARY KEY, state TEXT NOT NULL, version INTEGER NOT NULL, submission_id TEXT,
    reason TEXT, target_minutes INTEGER NOT NULL, history TEXT NOT NULL,
    has_entries INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE projects (
    code TEXT PRIMARY KEY, name TEXT NOT NULL, customer TEXT NOT NULL,
    active INTEGER NOT NULL, billable INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE approvals (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, submitted_at TEXT, detailed INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, target TEXT NOT NULL, weeks TEXT NOT NULL, body TEXT NOT NULL,
    base INTEGER, tried INTEGER NOT NULL DEFAULT 0, hold_until REAL NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL, problem TEXT
);
CREATE INDEX outbox_by_target ON outbox (target);
"""


class WrongPerson(Exception):
    """The file belongs to somebody else."""


class Database:
    """`path` None: in memory."""

    def __init__(self, path: Path | None, person: str) -> None:
        self.path = path
        self.person = person
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.connection = sqlite3.connect(path or ":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        try:
            self._prepare()
        except BaseException:
            self.connection.close()
            raise

    def _prepare(self) -> None:
        self.connection.execute("PRAGMA journal_mode = WAL")
        # A change is on disk before the screen says so: a phone's battery may go any moment.
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA busy_timeout = 2000")
        self.connection.execute("PRAGMA secure_delete = ON")
        if self.path is not None:
            self.path.chmod(0o600)
        [version] = self.connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._create()
        [owner] = self.connection.execute("SELECT value FROM meta WHERE key = 'person'").fetchone()
        if owner != self.person:
            raise WrongPerson

    def _create(self) -> None:
        with self.transaction():
            for statement in _TABLES.split(";\n"):
                self.connection.execute(statement)
            self.connection.execute(
                "INSERT INTO meta (key, value) VALUES ('person', ?)", (self.person,)
            )
            self.connection.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; within another one, a part of that."""
        if self.connection.in_transaction:
            yield self.connection
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def close(self) -> None:
        self.connection.close()

    def wipe(self) -> None:
        """Close it and leave nothing of it."""
        self.close()
        if self.path is not None:
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def database_path(folder: Path, issuer: str, sub: str) -> Path:
    """Where a person's file is; the name tells nothing of the person."""
    named = hashlib.sha256(f"{issuer}\n{sub}".encode()).hexdigest()[:32]
    return folder / f"{named}.db"
