"""Running a package's migrations by Alembic, all of them in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from libs.postgres.grants import LOCK
from libs.postgres.retry import jittered
from libs.postgres.settings import DatabaseSettings

ENVIRONMENT = Path(__file__).parent / "environment"

# Every request that needs the table queues behind a migration that waits for its lock, and the
# pool turns requests away after 2 s. So each try is short, and there are many.
LOCK_TIMEOUT = "1s"
LOCK_RETRY_SECONDS = 300.0
LOCK_PAUSE = 4.0

TABLES = """
    SELECT oid::regclass::text AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      AND relname <> 'alembic_version'
    ORDER BY name
"""

Step = Callable[[Connection, Config], None]
OnWait = Callable[[str], None]


class MigrationError(Exception):
    """The migrations could not be run; the message says why, and nothing was changed."""


class LockUnavailable(Exception):
    """A table was in use for longer than LOCK_TIMEOUT, or the migration met a deadlock."""


async def upgrade(
    versions: Path, settings: DatabaseSettings, on_wait: OnWait = lambda _message: None
) -> list[str]:
    """Run what is missing in the folder `versions`. Returns a line for each migration run.

    Tables that are in use are tried again for LOCK_RETRY_SECONDS; `on_wait` gets a message
    after each try.
    """

    def step(_connection: Connection, config: Config) -> None:
        command.upgrade(config, "head")

    return await _migrate(versions, settings, step, on_wait)


async def downgrade(
    versions: Path,
    settings: DatabaseSettings,
    to: str,
    *,
    drop_data: bool = False,
    on_wait: OnWait = lambda _message: None,
) -> list[str]:
    """Revert every migration after the revision `to`, or all of them for `base`.

    Raises `MigrationError` if a table holds rows, unless `drop_data` is set.
    """

    def step(connection: Connection, config: Config) -> None:
        if not drop_data:
            _refuse_to_drop_rows(connection)
        command.downgrade(config, to)

    return await _migrate(versions, settings, step, on_wait)


async def _migrate(
    versions: Path, settings: DatabaseSettings, step: Step, on_wait: OnWait
) -> list[str]:
    async def connect() -> asyncpg.Connection:
        arguments = settings.arguments() | {"command_timeout": None}
        arguments["server_settings"] |= {"statement_timeout": "0", "lock_timeout": "0"}
        return await asyncpg.connect(**arguments)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            # Several processes may start at once: all but the first wait here, then find nothing
            # to do. The lock is the session's, so it is kept between two tries.
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            await connection.commit()
            return await _retry_on_lock(connection, versions, step, on_wait)
    except (DBAPIError, asyncpg.PostgresError) as error:
        raise MigrationError(f"nothing was changed: {_cause(error)}") from error
    except (CommandError, LockUnavailable) as error:
        raise MigrationError(f"nothing was changed: {error}") from error
    finally:
        await engine.dispose()


async def _retry_on_lock(
    connection: AsyncConnection, versions: Path, step: Step, on_wait: OnWait
) -> list[str]:
    deadline = time.monotonic() + LOCK_RETRY_SECONDS
    while True:
        try:
            async with connection.begin():
                return await connection.run_sync(_run, versions, step)
        except (DBAPIError, asyncpg.PostgresError) as error:
            cause = _cause(error)
            if not isinstance(cause, asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError):
                raise
            if time.monotonic() > deadline:
                message = f"tables were in use for {LOCK_RETRY_SECONDS:.0f} s: {cause}"
                raise LockUnavailable(message) from error
            on_wait(str(cause))
        # The requests that queued behind this try have to get through before the next one.
        await asyncio.sleep(jittered(LOCK_PAUSE))


def _cause(error: DBAPIError | asyncpg.PostgresError) -> BaseException | None:
    """The driver's own error: SQLAlchemy wraps it twice, `run_sql` not at all."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def _run(connection: Connection, versions: Path, step: Step) -> list[str]:
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    ran: list[str] = []

    def note(*, step: Any, **_details: Any) -> None:
        up = ", ".join(step.up_revision_ids)
        ran.append(f"{'ran' if step.is_upgrade else 'reverted'} {up}")

    config = Config()
    config.attributes.update(connection=connection, on_version_apply=note)
    for name, path in (("script_location", ENVIRONMENT), ("version_locations", versions)):
        config.set_main_option(name, str(path).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    step(connection, config)
    return ran


def _refuse_to_drop_rows(connection: Connection) -> None:
    tables = connection.execute(text(TABLES)).scalars().all()
    if not tables:
        return
    # No row can appear between this look and the end of the transaction.
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(tables)} IN SHARE MODE")
    held = [
        table
        for table in tables
        if connection.exec_driver_sql(f"SELECT EXISTS (SELECT FROM {table})").scalar()
    ]
    if held:
        raise CommandError(f"{', '.join(held)} hold rows; --drop-data drops them")
