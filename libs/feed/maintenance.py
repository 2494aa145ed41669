"""From the command line: what was set aside, and compaction.

    python -m libs.feed set-aside list services.approvals
    python -m libs.feed set-aside retry services.approvals [SOURCE SEQUENCE]
    python -m libs.feed set-aside drop services.approvals SOURCE SEQUENCE
    python -m libs.feed compact services.approvals

Handlers are looked up in the package's `feeds.HANDLERS`: by source, then by the event's type.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import import_module

import asyncpg

from libs.feed import inbox
from libs.feed.applying import Handlers, reason_of
from libs.feed.compaction import compact
from libs.feed.events import deferred_publish
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from libs.web.problems import ServiceUnavailable
from libs.web.settings import Environment, SettingsError

FAILED = 1
MISUSED = 2


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command and return the exit code."""
    options = _parse(arguments)
    env = Environment(environ)
    try:
        settings = DatabaseSettings.read(env, application_name="upkeep")
        env.check()
    except SettingsError as error:
        sys.stderr.write(f"the settings are wrong: {error}\n")
        return MISUSED
    return asyncio.run(_run(options, settings))


async def _run(options: argparse.Namespace, settings: DatabaseSettings) -> int:
    db = Database(settings)
    await db.start()
    try:
        if options.command == "compact":
            removed = await compact(db, datetime.now(UTC))
            sys.stdout.write(f"{removed} events removed\n")
            return 0
        chosen = await _choose(db, options)
        if options.action == "list":
            sys.stdout.writelines(f"{_line(aside)}\n" for aside in chosen)
            return 0
        if options.action == "drop":
            return await _drop(db, chosen)
        return await _retry(db, chosen, import_module(f"{options.package}.feeds").HANDLERS)
    finally:
        await db.stop()


async def _choose(db: Database, options: argparse.Namespace) -> list[inbox.DeadLetter]:
    """All of them, or the one that was named; without a name no superseded one is retried."""
    async with db.connection() as connection:
        asides = await inbox.list_dead_letters(connection)
    if options.source is not None:
        wanted = (options.source, options.sequence)
        return [aside for aside in asides if (aside.source, aside.delivery.sequence) == wanted]
    if options.action == "retry":
        return [aside for aside in asides if aside.superseded_by is None]
    return list(asides)


async def _retry(
    db: Database, chosen: Sequence[inbox.DeadLetter], handlers: Mapping[str, Handlers]
) -> int:
    failed = 0
    for aside in chosen:
        outcome = await retry(db, aside, handlers)
        failed += outcome is not None
        sys.stdout.write(f"{_line(aside)}: {outcome or 'handled'}\n")
    return FAILED if failed else 0


async def retry(
    db: Database, aside: inbox.DeadLetter, handlers: Mapping[str, Handlers]
) -> str | None:
    """Handle an event that was set aside; returns why it failed again, or None.

    Nothing else of its source is applied at the same time.
    """
    handler = handlers.get(aside.source, {}).get(aside.delivery.type)
    if handler is None:
        return "there is no handler for it"

    async def work(connection: asyncpg.Connection) -> None:
        present = await inbox.lock_dead_letter(connection, aside.source, aside.delivery.sequence)
        if present is None:
            return
        async with deferred_publish(connection):
            await handler(connection, [present.delivery])
            await inbox.remove_dead_letter(present, connection)

    try:
        await db.transact(work)
    except ServiceUnavailable:
        raise
    except Exception as error:
        reason = reason_of(error)
        await db.transact(partial(inbox.count_try, aside, reason))
        return reason
    return None


async def _drop(db: Database, chosen: Sequence[inbox.DeadLetter]) -> int:
    for aside in chosen:
        await db.transact(partial(inbox.remove_dead_letter, aside))
        sys.stdout.write(f"{_line(aside)}: dropped\n")
    return 0 if chosen else FAILED


def _line(aside: inbox.DeadLetter) -> str:
    delivery = aside.delivery
    newer = f", superseded by {aside.superseded_by}" if aside.superseded_by else ""
    return (
        f"{aside.source} {delivery.sequence} {delivery.time:%Y-%m-%dT%H:%M:%SZ} {delivery.type} "
        f"{delivery.subject} ({aside.tries} tries{newer}): {aside.reason}"
    )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m libs.feed", description="Keep feeds well.")
    commands = parser.add_subparsers(dest="command", required=True)
    compaction = commands.add_parser("compact", help="remove old events that later ones replace")
    compaction.add_argument("package", help="the service's package, services.entries for one")
    aside = commands.add_parser("set-aside", help="events that could not be handled")
    actions = aside.add_subparsers(dest="action", required=True)
    for name, text in (
        ("list", "show them"),
        ("retry", "handle them again: all that nothing newer replaced, or the one named"),
        ("drop", "forget the one named"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("package", help="the service's package, services.entries for one")
        number = None if name == "drop" else "?"
        action.add_argument("source", nargs=number, help="the feed it came from")
        action.add_argument("sequence", nargs=number, type=int, help="its number there")
    return parser.parse_args(arguments)
