"""A database of an earlier release of a service, to be migrated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from libs.postgres.migrations import downgrade, upgrade
from libs.postgres.settings import DatabaseSettings
from tests.conftest import Databases

ROOT = Path(__file__).parents[2]
Rows = dict[str, list[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class EarlierRelease:
    """The database of `service`; `revision` is the last migration of the earlier release."""

    service: str
    revision: str
    settings: DatabaseSettings
    connection: asyncpg.Connection

    @property
    def versions(self) -> Path:
        """The folder of the service's migrations."""
        return ROOT / "services" / self.service / "migrations" / "versions"

    async def upgrade(self) -> None:
        """Migrate to the newest revision."""
        await upgrade(self.versions, self.settings)
        await self.connection.reload_schema_state()

    async def downgrade(self) -> None:
        """Migrate back to the earlier release, with the loss of data that this takes."""
        await downgrade(self.versions, self.settings, self.revision, drop_data=True)
        await self.connection.reload_schema_state()

    async def rows(
        self, tables: Collection[str], without: Mapping[str, Collection[str]] | None = None
    ) -> Rows:
        """All rows by table, but the columns named in `without`."""
        found = {}
        for table in tables:
            left_out = (without or {}).get(table, ())
            records = await self.connection.fetch(f"SELECT * FROM {table}")
            rows = [
                {name: value for name, value in record.items() if name not in left_out}
                for record in records
            ]
            found[table] = sorted(rows, key=str)
        return found


@asynccontextmanager
async def earlier_release(
    databases: Databases, service: str, revision: str
) -> AsyncIterator[EarlierRelease]:
    """An empty database of the earlier release."""
    url = databases.own(service)
    connection = await asyncpg.connect(url)
    release = EarlierRelease(service, revision, DatabaseSettings(url), connection)
    await release.downgrade()
    yield release
    await connection.close()


def with_columns_of(earlier: Rows, rows: Rows) -> Rows:
    """`rows` with the columns that `earlier` has."""
    return {
        table: sorted(
            ({name: row[name] for name in earlier[table][0]} for row in rows[table]), key=str
        )
        for table in rows
    }
