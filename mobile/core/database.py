"""The app's local store: one SQLite file per person, so that no data can mix between people."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mobile.core.migrations import MIGRATIONS


class WrongPerson(Exception):
    """The file belongs to another person."""


class NewerStore(Exception):
    """A newer version of the app wrote the file; this version must not touch it."""


class StoreDamaged(Exception):
    """The file is not a readable SQLite database."""


class StoreFull(Exception):
    """The device has no space left for the change."""


class Database:
    """A connection to one person's store. `path` None keeps the store in memory.

    Raises `WrongPerson`, `NewerStore` or `StoreDamaged`.
    """

    def __init__(self, path: Path | None, person: str) -> None:
        self.path = path
        self.person = person
        self.projects_version = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.connection = sqlite3.connect(path or ":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.create_function("casefold", 1, str.casefold, deterministic=True)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self.connection.close()
            if _is_full(error):
                raise StoreFull from error
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise
            raise StoreDamaged(str(error)) from error
        except BaseException:
            self.connection.close()
            raise

    def _prepare(self) -> None:
        self.connection.execute("PRAGMA journal_mode = WAL")
        # A change is on disk before the screen shows it: a phone may lose power at any moment.
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA busy_timeout = 2000")
        self.connection.execute("PRAGMA secure_delete = ON")
        if self.path is not None:
            self.path.chmod(0o600)
        version: int = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise NewerStore
        if version:
            [result] = self.connection.execute("PRAGMA quick_check(1)").fetchone()
            if result != "ok":
                raise StoreDamaged(result)
        self._migrate(version)
        owner = self.connection.execute("SELECT value FROM meta WHERE key = 'person'").fetchone()
        if owner is None:
            raise StoreDamaged("no owner")
        if owner["value"] != self.person:
            raise WrongPerson

    def _migrate(self, version: int) -> None:
        """Run each migration after `version` in a transaction of its own."""
        for number, statements in enumerate(MIGRATIONS[version:], version + 1):
            with self.transaction():
                for statement in statements:
                    self.connection.execute(statement)
                if number == 1:
                    self.connection.execute(
                        "INSERT INTO meta (key, value) VALUES ('person', ?)", (self.person,)
                    )
                self.connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; inside another transaction, a part of it. Raises `StoreFull`."""
        if self.connection.in_transaction:
            yield self.connection
            return
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if _is_full(error):
                raise StoreFull from error
            raise

    def _roll_back(self) -> None:
        """SQLite itself has rolled back after SQLITE_FULL."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def wipe(self) -> None:
        """Close the store and delete its files, those set aside as damaged included."""
        self.close()
        if self.path is not None:
            for file in self.path.parent.glob(f"{self.path.name}*"):
                file.unlink(missing_ok=True)


def database_path(folder: Path, issuer: str, sub: str) -> Path:
    """The path of a person's store; the name is a hash."""
    digest = hashlib.sha256(f"{issuer}\n{sub}".encode()).hexdigest()[:32]
    return folder / f"{digest}.db"


def _is_full(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, sqlite3.Error) and code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
