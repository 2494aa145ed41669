"""Validators of responses whose content is stored (RFC 9110 section 8.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobile.core.database import Database


@dataclass(frozen=True, slots=True)
class Validator:
    """An entity tag, and for a page of a list the address of the next page."""

    etag: str
    following: str | None = None


class Validators:
    """Validators by path and query; what has none is read in full."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection

    def get(self, path: str) -> Validator | None:
        """The ETag that a page of a list was last fetched with, or None."""
        row = self._connection.execute(
            "SELECT etag, following FROM validators WHERE path = ?", (path,)
        ).fetchone()
        return None if row is None else Validator(row["etag"], row["following"])

    def set(self, validators: Mapping[str, Validator]) -> None:
        """Keep the ETags of the pages of a list."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO validators (path, etag, following) VALUES (?, ?, ?)",
                [(path, each.etag, each.following) for path, each in validators.items()],
            )

    def forget(self, prefix: str) -> None:
        """Read these paths in full next time: the stored content no longer matches."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM validators WHERE path LIKE ?", (f"{prefix}%",))
