"""Migrations from the command line: `python -m libs.postgres migrate services.entries`.

Every start of a service runs this, so the common case, nothing to do, is decided without Alembic,
which takes half a second to import: by the numbers that the migrations' files begin with.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from libs.postgres.grants import grant
from libs.postgres.retry import CONNECT_ERRORS, connect_with_retry
from libs.postgres.settings import DatabaseSettings
from libs.web.settings import Environment, SettingsError

CONNECT_SECONDS = 30.0

FAILED = 1
MISUSED = 2

BASE = "base"


class NoMigrations(Exception):
    """There is no such package, or it has no migrations."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose migrations/versions holds one numbered file for each migration."""

    name: str
    versions: Path

    @classmethod
    def find(cls, name: str) -> Package:
        """The package of that name. Raises NoMigrations where it is missing or has none."""
        try:
            spec = find_spec(name)
        except ModuleNotFoundError:
            spec = None
        if spec is None or spec.origin is None:
            raise NoMigrations(f"there is no package {name}")
        versions = Path(spec.origin).parent / "migrations" / "versions"
        if not versions.is_dir():
            raise NoMigrations(f"{name} has no migrations/versions")
        return cls(name, versions)

    @property
    def revisions(self) -> list[str]:
        """The revisions that the package brings, oldest first."""
        return sorted(path.name.partition("_")[0] for path in self.versions.glob("[0-9]*_*.py"))

    @property
    def head(self) -> str | None:
        """The newest revision that the package brings."""
        return self.revisions[-1] if self.revisions else None


def run_sql(script: str) -> None:
    """Run an SQL script in a migration: several statements, with functions and colons in them.

    Alembic's own `op.execute` takes one statement and looks for parameters in it.
    """
    from alembic import op

    connection = op.get_bind().connection.dbapi_connection
    if connection is None:
        raise RuntimeError("there is no connection to run migrations on")
    connection.run_async(lambda driver: driver.execute(script))


def upgrade(package: str, dsn: str) -> None:
    """Bring a database to the schema of `package`, from code that runs no event loop."""
    from libs.postgres import migrations

    settings = DatabaseSettings(dsn, application_name="migrate")
    asyncio.run(migrations.upgrade(Package.find(package).versions, settings))


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command and return the exit code."""
    options = _parse(arguments)
    env = Environment(environ)
    try:
        settings = DatabaseSettings.read(env, application_name="migrate")
        env.check()
        package = Package.find(options.package)
    except SettingsError as error:
        _print(f"the settings are wrong: {error}")
        return MISUSED
    except NoMigrations as error:
        _print(str(error))
        return MISUSED
    try:
        return asyncio.run(_run(options, package, settings))
    except CONNECT_ERRORS as error:
        _print(f"{settings.described()}: {_describe(error)}")
        return FAILED


async def _run(options: argparse.Namespace, package: Package, settings: DatabaseSettings) -> int:
    current = await _read_revision(settings)
    label = f"{package.name} in {settings.described()}"
    if options.command == "downgrade":
        return await _change(label, _downgrade(options, package, settings, label))
    if options.command == "migrate":
        return await _migrate(options, package, settings, current)
    head = package.head
    _print(f"{label} is at {current or 'nothing'}, the newest is {head or 'nothing'}")
    return FAILED if options.command == "check" and current != head else 0


async def _migrate(
    options: argparse.Namespace, package: Package, settings: DatabaseSettings, current: str | None
) -> int:
    label = f"{package.name} in {settings.described()}"
    code = 0
    if current == package.head:
        _print(f"{label} is at {current or 'nothing'}, nothing to do")
    elif current is not None and current not in package.revisions:
        # An older image beside a newer one, during a deployment or after it was taken back.
        _print(f"{label} is at {current}, newer than this code ({package.head}): left alone")
    else:
        code = await _change(label, _upgrade(package, settings, label))
    if code == 0 and options.grant is not None and await grant(settings, options.grant):
        _print(f"{label}: granted to {options.grant}")
    return code


async def _upgrade(package: Package, settings: DatabaseSettings, label: str) -> list[str]:
    from libs.postgres import migrations

    return await migrations.upgrade(
        package.versions, settings, lambda message: _print(f"{label}: waiting: {message}")
    )


async def _downgrade(
    options: argparse.Namespace, package: Package, settings: DatabaseSettings, label: str
) -> list[str]:
    from libs.postgres import migrations

    if options.to != BASE and options.to not in package.revisions:
        known = ", ".join([*package.revisions, BASE])
        raise migrations.MigrationError(f"there is no revision {options.to}; there are {known}")
    return await migrations.downgrade(
        package.versions,
        settings,
        options.to,
        drop_data=options.drop_data,
        on_wait=lambda message: _print(f"{label}: waiting: {message}"),
    )


async def _change(label: str, change: Coroutine[None, None, list[str]]) -> int:
    from libs.postgres import migrations

    began = time.monotonic()
    try:
        ran = await change
    except migrations.MigrationError as error:
        _print(f"{label}: {error}")
        return FAILED
    _print(f"{label}: {', '.join(ran) or 'nothing to do'} ({time.monotonic() - began:.2f} s)")
    return 0


async def _read_revision(settings: DatabaseSettings) -> str | None:
    connection = await connect_with_retry(
        settings.arguments(), CONNECT_SECONDS, lambda error: _print(f"waiting: {_describe(error)}")
    )
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m libs.postgres", description="Bring a database to its service's schema."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("migrate", "run the migrations that are missing"),
        ("downgrade", "revert migrations, with the tables and columns that they made"),
        ("current", "print the revision of the database"),
        ("check", "fail unless every migration has been run"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("package", help="the package, for example services.entries or portal")
        if name == "migrate":
            command.add_argument(
                "--grant",
                metavar="ROLE",
                help="grant the use of every table to the role that serves",
            )
        if name == "downgrade":
            command.add_argument("to", help="the revision to go back to, or base for none")
            command.add_argument(
                "--drop-data", action="store_true", help="go on although tables hold rows"
            )
    return parser.parse_args(arguments)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _print(text: str) -> None:
    print(text, file=sys.stderr)
