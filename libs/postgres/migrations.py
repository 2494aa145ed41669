"""Running a service's migrations by Alembic, all of them in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.postgres.settings import DatabaseSettings

ENVIRONMENT = Path(__file__).parent / "environment"

# Whoever migrates this database, in whatever process.
LOCK = 7_301_000
# A migration that waits for a lock makes everybody behind it wait too.
LOCK_TIMEOUT = "10s"

# What the role needs that serves. It owns nothing, so that it can change no table and no trigger.
GRANTS = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
)
NAMES = "SELECT quote_ident(current_database()) AS database, quote_ident(:role) AS role"

Step = Callable[[Config], None]


class MigrationError(Exception):
    """The migrations could not be run; the message says why, and nothing was changed."""


async def upgrade(
    versions: Path, settings: DatabaseSettings, serving_role: str | None = None
) -> list[str]:
    """Run what is missing in the folder `versions`. Returns a line for each migration run.

    The serving role may then use every table, in the same transaction.
    """
    return await _migrate(
        versions, settings, lambda config: command.upgrade(config, "head"), serving_role
    )


async def downgrade(versions: Path, settings: DatabaseSettings, to: str) -> list[str]:
    """Take back down to `to`: a revision, a number of steps as `-1`, or `base`."""
    return await _migrate(versions, settings, lambda config: command.downgrade(config, to))


async def _migrate(
    versions: Path, settings: DatabaseSettings, step: Step, serving_role: str | None = None
) -> list[str]:
    async def connect() -> asyncpg.Connection:
        arguments = settings.arguments() | {"command_timeout": None}
        arguments["server_settings"] |= {"statement_timeout": "0", "lock_timeout": "0"}
        return await asyncpg.connect(**arguments)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            ran = await connection.run_sync(_run, versions, step)
            if serving_role is not None:
                await connection.run_sync(_grant, serving_role)
            return ran
    except (DBAPIError, asyncpg.PostgresError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise MigrationError(f"nothing was changed: {cause}") from error
    except CommandError as error:
        raise MigrationError(f"nothing was changed: {error}") from error
    finally:
        await engine.dispose()


def _grant(connection: Connection, role: str) -> None:
    names = connection.execute(text(NAMES), {"role": role}).one()
    for statement in GRANTS:
        connection.exec_driver_sql(statement.format(**names._mapping))


def _run(connection: Connection, versions: Path, step: Step) -> list[str]:
    # Several may start at once: all but the first wait here, and then find nothing to do.
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    ran: list[str] = []

    def note(*, step: Any, **_details: Any) -> None:
        up = ", ".join(step.up_revision_ids)
        ran.append(f"{'ran' if step.is_upgrade else 'took back'} {up}")

    config = Config()
    config.attributes.update(connection=connection, on_version_apply=note)
    for name, path in (("script_location", ENVIRONMENT), ("version_locations", versions)):
        config.set_main_option(name, str(path).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    step(config)
    return ran
