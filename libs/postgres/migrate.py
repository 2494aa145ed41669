"""Migrations from the command line: `python -m libs.postgres migrate services.entries`.

Every start of a service runs this, so the common case, nothing to do, is decided without Alembic,
which takes half a second to import: by the numbers that the migrations' files begin with.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from libs.postgres.retry import CONNECT_ERRORS, connect_with_retry
from libs.postgres.settings import DatabaseSettings
from libs.web.settings import Environment, SettingsError

PATIENCE = 30.0

FAILED = 1
MISUSED = 2


class NoMigrations(Exception):
    """There is no such package, or it has no migrations."""


@dataclass(frozen=True, slots=True)
class Package:
    """A service's package, whose migrations/versions holds one numbered file a migration."""

    name: str
    versions: Path

    @classmethod
    def find(cls, name: str) -> Package:
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
        return sorted(path.name.partition("_")[0] for path in self.versions.glob("[0-9]*_*.py"))

    @property
    def head(self) -> str | None:
        return self.revisions[-1] if self.revisions else None


def run_sql(script: str) -> None:
    """For migrations: run SQL as it is, of several statements, with functions and colons in it.

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
        _tell(f"the settings are wrong: {error}")
        return MISUSED
    except NoMigrations as error:
        _tell(str(error))
        return MISUSED
    try:
        return asyncio.run(_run(options, package, settings))
    except CONNECT_ERRORS as error:
        _tell(f"{settings.described()}: {_describe(error)}")
        return FAILED


async def _run(options: argparse.Namespace, package: Package, settings: DatabaseSettings) -> int:
    current, head = await _read_revision(settings), package.head
    place = f"{package.name} in {settings.described()}"
    if options.command == "downgrade":
        return await _change(options, package, settings)
    if options.command != "migrate":
        _tell(f"{place} is at {current or 'nothing'}, the newest is {head or 'nothing'}")
        return FAILED if options.command == "check" and current != head else 0
    if current == head:
        _tell(f"{place} is at {current or 'nothing'}, nothing to do")
        return 0
    if current is not None and current not in package.revisions:
        # An older image beside a newer one, during a deployment or after it was taken back.
        _tell(f"{place} is at {current}, newer than this code ({head}): left alone")
        return 0
    return await _change(options, package, settings)


async def _change(options: argparse.Namespace, package: Package, settings: DatabaseSettings) -> int:
    from libs.postgres import migrations

    began = time.monotonic()
    place = f"{package.name} in {settings.described()}"
    try:
        if options.command == "downgrade":
            ran = await migrations.downgrade(package.versions, settings, options.to)
        else:
            ran = await migrations.upgrade(package.versions, settings, options.grant)
    except migrations.MigrationError as error:
        _tell(f"{place}: {_describe(error)}")
        return FAILED
    took = f"{time.monotonic() - began:.2f} s"
    _tell(f"{place}: {', '.join(ran) or 'nothing to do'} ({took})")
    return 0


async def _read_revision(settings: DatabaseSettings) -> str | None:
    connection = await connect_with_retry(
        settings.arguments(), PATIENCE, lambda error: _tell(f"waiting: {_describe(error)}")
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
        ("downgrade", "take migrations back"),
        ("current", "tell where the database is"),
        ("check", "fail unless every migration has been run"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("package", help="the service's package, services.entries for one")
        if name == "migrate":
            command.add_argument(
                "--grant",
                metavar="ROLE",
                help="whom to let use the tables, where another role serves than migrates",
            )
        if name == "downgrade":
            command.add_argument("to", nargs="?", default="-1", help="a revision, -1 or base")
    return parser.parse_args(arguments)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
