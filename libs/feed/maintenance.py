"""The command line: dead letters and compaction.

    python -m libs.feed dead-letters list services.approvals
    python -m libs.feed dead-letters retry services.approvals [SOURCE SEQUENCE]
    python -m libs.feed dead-letters drop services.approvals SOURCE SEQUENCE
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
        settings = DatabaseSettings.read(env, application_name="maintenance")
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
            sys.stdout.writelines(f"{_line(letter)}\n" for letter in chosen)
            return 0
        if options.action == "drop":
            return await _drop(db, chosen)
        return await _retry(db, chosen, import_module(f"{options.package}.feeds").HANDLERS)
    finally:
        await db.stop()


async def _choose(db: Database, options: argparse.Namespace) -> list[inbox.DeadLetter]:
    """The dead letter that is named, or all; superseded ones are retried only by name."""
    async with db.connection() as connection:
        letters = await inbox.list_dead_letters(connection)
    if options.source is not None:
        named = (options.source, options.sequence)
        return [letter for letter in letters if (letter.source, letter.delivery.sequence) == named]
    if options.action == "retry":
        return [letter for letter in letters if letter.superseded_by is None]
    return list(letters)


async def _retry(
    db: Database, chosen: Sequence[inbox.DeadLetter], handlers: Mapping[str, Handlers]
) -> int:
    failed = 0
    for letter in chosen:
        outcome = await retry(db, letter, handlers)
        failed += outcome is not None
        sys.stdout.write(f"{_line(letter)}: {outcome or 'handled'}\n")
    return FAILED if failed else 0


async def retry(
    db: Database, letter: inbox.DeadLetter, handlers: Mapping[str, Handlers]
) -> str | None:
    """Handle the event of a dead letter. Returns the reason if it failed again, else None.

    No other event of its source is applied at the same time.
    """
    handler = handlers.get(letter.source, {}).get(letter.delivery.type)
    if handler is None:
        return "there is no handler for it"

    async def work(connection: asyncpg.Connection) -> None:
        present = await inbox.lock_dead_letter(connection, letter.source, letter.delivery.sequence)
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
        await db.transact(partial(inbox.count_try, letter, reason))
        return reason
    return None


async def _drop(db: Database, chosen: Sequence[inbox.DeadLetter]) -> int:
    for letter in chosen:
        await db.transact(partial(inbox.remove_dead_letter, letter))
        sys.stdout.write(f"{_line(letter)}: dropped\n")
    return 0 if chosen else FAILED


def _line(letter: inbox.DeadLetter) -> str:
    delivery = letter.delivery
    newer = f", superseded by {letter.superseded_by}" if letter.superseded_by else ""
    return (
        f"{letter.source} {delivery.sequence} {delivery.time:%Y-%m-%dT%H:%M:%SZ} {delivery.type} "
        f"{delivery.subject} ({letter.tries} tries{newer}): {letter.reason}"
    )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m libs.feed", description="Maintain feeds.")
    commands = parser.add_subparsers(dest="command", required=True)
    compaction = commands.add_parser("compact", help="remove old events that later ones supersede")
    compaction.add_argument("package", help="the service's package, services.entries for one")
    dead_letters = commands.add_parser("dead-letters", help="events that could not be handled")
    actions = dead_letters.add_subparsers(dest="action", required=True)
    for name, text in (
        ("list", "show them"),
        ("retry", "handle them again: all that nothing newer superseded, or the one named"),
        ("drop", "delete the one named"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("package", help="the service's package, services.entries for one")
        number = None if name == "drop" else "?"
        action.add_argument("source", nargs=number, help="the feed it came from")
        action.add_argument("sequence", nargs=number, type=int, help="its number there")
    return parser.parse_args(arguments)
