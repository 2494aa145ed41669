"""Creating, changing, deleting and copying entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg

from libs.changes import Actor, Change, record_changes
from libs.postgres.pool import Database
from libs.rules.calendar import Week
from libs.rules.errors import AlreadyExists, NotAllowed, NotVisible, StaleVersion
from libs.rules.preconditions import UNCONDITIONAL, Preconditions
from libs.rules.violations import RuleBroken, Violation
from services.entries.events import publish_changed_weeks
from services.entries.model import (
    Draft,
    EntryContext,
    check_change,
    check_draft,
    copied_draft,
    copied_id,
    latest_day,
    patched,
    with_billable,
)
from services.entries.store import entries as store
from services.entries.store.entries import EntryInContext
from services.entries.store.period import read_closed_through
from services.entries.store.timesheets import read_timesheet


@dataclass(frozen=True, slots=True)
class Author:
    """The person whose entries are written, and the client (`app`, `portal`)."""

    person: str
    source: str = "app"


class Saved(NamedTuple):
    """An entry as it is now, and whether this command created it."""

    entry: EntryInContext
    created: bool


class Skipped(NamedTuple):
    """An entry that was not copied, and the first rule against it."""

    id: UUID
    violation: Violation


@dataclass(frozen=True, slots=True)
class CopiedWeek:
    """The copies, those of earlier calls included. `created` of them are new."""

    items: list[EntryInContext]
    skipped: list[Skipped]
    created: int


async def create_entry(
    db: Database, author: Author, entry_id: UUID | None, draft: Draft, now: datetime
) -> Saved:
    """Create an entry; the same id and the same draft again is the same entry.

    Raises `AlreadyExists` if the id belongs to another entry, and what the model raises.
    """
    if (added := await _try_to_add(db, author, entry_id or uuid4(), draft, now)) is not None:
        return added

    async def create(connection: asyncpg.Connection) -> Saved:
        return await create_entry_in(connection, author, entry_id, draft, now)

    return await db.transact(create)


async def create_entry_in(
    connection: asyncpg.Connection,
    author: Author,
    entry_id: UUID | None,
    draft: Draft,
    now: datetime,
) -> Saved:
    """`create_entry` as a part of a transaction, which stores the response to a key as well."""
    # The context is read first: if it holds this entry already, the entry is found next.
    context = await store.load_entry_context(connection, author.person, draft)
    if entry_id is not None:
        present = await store.lock_entry(connection, author.person, entry_id)
        if present is not None:
            if not present.entry.matches(draft):
                raise AlreadyExists("There is another entry with this id.", present)
            return Saved(present, created=False)
    return await _insert(connection, author, entry_id or uuid4(), draft, context, now)


async def put_entry(
    db: Database,
    author: Author,
    entry_id: UUID,
    draft: Draft,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> Saved:
    """Create the entry with this id or replace it; repeating it changes nothing.

    Raises `StaleVersion`, and what the model raises.
    """
    if not expected.exists:
        added = await _try_to_add(db, author, entry_id, draft, now)
        if added is not None:
            return added

    async def put(connection: asyncpg.Connection) -> Saved:
        return await put_entry_in(connection, author, entry_id, draft, now, expected)

    return await db.transact(put)


async def put_entry_in(
    connection: asyncpg.Connection,
    author: Author,
    entry_id: UUID,
    draft: Draft,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> Saved:
    """`put_entry` as a part of a transaction, which stores the response to a key as well."""
    # Lock, then read: the context must not count an older version of this entry.
    present = await store.lock_entry(connection, author.person, entry_id)
    if present is not None:
        return await _put_over(connection, present, draft, now, expected)
    if expected.exists:
        raise StaleVersion("The entry no longer exists.")
    context = await store.load_entry_context(connection, author.person, draft)
    try:
        return await _insert(connection, author, entry_id, draft, context, now)
    except RuleBroken:
        # Another request may have created the entry between the two reads, and so have
        # filled the day.
        present = await store.lock_entry(connection, author.person, entry_id)
        if present is None:
            raise
        return await _put_over(connection, present, draft, now, expected)


async def patch_entry(
    db: Database,
    person: str,
    entry_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> EntryInContext:
    """Change the named fields of an entry.

    Raises `NotVisible`, `StaleVersion`, and what the model raises.
    """

    async def patch(connection: asyncpg.Connection) -> EntryInContext:
        present = await _lock(connection, person, entry_id)
        draft = patched(present.entry, changes)
        context = await store.load_entry_context(connection, person, draft)
        return (await _replace(connection, present, draft, context, expected, now)).entry

    return await db.transact(patch)


async def delete_entry(
    db: Database, person: str, entry_id: UUID, expected: Preconditions = UNCONDITIONAL
) -> None:
    """Delete an entry. Raises `NotVisible`, `StaleVersion`, `Locked`."""

    async def delete(connection: asyncpg.Connection) -> None:
        present = await _lock(connection, person, entry_id)
        expected.check_version(present, present.entry.version)
        check_change(present.entry.date, present.state, present.closed_through)
        await store.delete_entry(connection, person, entry_id)

    await db.transact(delete)


async def delete_uploaded_entry(
    db: Database,
    person: str,
    entry_id: UUID,
    reason: str,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> None:
    """Delete an uploaded entry of another person; the change log keeps it.

    Raises `NotVisible`, `NotAllowed`, `StaleVersion`, `Locked`.
    """

    async def delete(connection: asyncpg.Connection) -> None:
        present = await _lock(connection, person, entry_id)
        if not present.entry.is_uploaded:
            raise NotAllowed("Only uploaded entries can be deleted for other people.")
        expected.check_version(present, present.entry.version)
        check_change(present.entry.date, present.state, present.closed_through)
        await store.delete_entry(connection, person, entry_id, actor.subject)
        before = present.entry._asdict()
        change = Change("entry", person, "deleted", actor, now, before, reason=reason)
        await record_changes(connection, [change])
        week = Week.of(present.entry.date)
        await publish_changed_weeks(connection, {(person, week)}, now)

    await db.transact(delete)


async def copy_week(
    db: Database, author: Author, from_week: Week, to_week: Week, now: datetime
) -> CopiedWeek:
    """Copy a week's entries into another week; copying again adds only what is missing there.

    Raises `Locked` if no day of the other week can change.
    """

    async def copy(connection: asyncpg.Connection) -> CopiedWeek:
        sheet = await read_timesheet(connection, author.person, to_week)
        check_change(to_week.sunday, sheet.state, await read_closed_through(connection))
        copied = CopiedWeek([], [], 0)
        created = 0
        for source in await store.list_week_entries(connection, author.person, from_week):
            draft = copied_draft(source.entry, from_week, to_week)
            try:
                saved = await _copy(connection, author, source.entry.id, draft, to_week, now)
            except RuleBroken as broken:
                copied.skipped.append(Skipped(source.entry.id, broken.violations[0]))
            else:
                copied.items.append(saved.entry)
                created += saved.created
        return CopiedWeek(copied.items, copied.skipped, created)

    return await db.transact(copy)


async def _copy(
    connection: asyncpg.Connection,
    author: Author,
    source_id: UUID,
    draft: Draft,
    to_week: Week,
    now: datetime,
) -> Saved:
    """The copy in `to_week`. One that was moved to another week since is left alone, and a new
    copy takes its place: its id is derived from the one that was moved."""
    copy_id = copied_id(source_id, to_week)
    context = await store.load_entry_context(connection, author.person, draft)
    while (present := await store.read_entry(connection, author.person, copy_id)) is not None:
        if Week.of(present.entry.date) == to_week:
            return Saved(present, created=False)
        copy_id = copied_id(copy_id, to_week)
    return await _insert(connection, author, copy_id, draft, context, now)


async def _try_to_add(
    db: Database, author: Author, entry_id: UUID, draft: Draft, now: datetime
) -> Saved | None:
    """Add a new entry optimistically: one statement, guarded by the database alone.

    None if the database refused it or the id exists; only a transaction that loads the context
    can then tell the reason.
    """
    if draft.date > latest_day(now):
        return None

    async def add(connection: asyncpg.Connection) -> EntryInContext | None:
        return await store.add_entry(connection, author.person, entry_id, draft, author.source)

    added = await db.execute_once(add)
    return Saved(added, created=True) if added is not None else None


async def _put_over(
    connection: asyncpg.Connection,
    present: EntryInContext,
    draft: Draft,
    now: datetime,
    expected: Preconditions,
) -> Saved:
    """Replace a locked entry."""
    if expected.is_new and not present.entry.matches(draft):
        raise StaleVersion("The entry exists.", present, present.entry.version)
    context = await store.load_entry_context(connection, present.entry.person, draft)
    return await _replace(connection, present, draft, context, expected, now)


async def _lock(connection: asyncpg.Connection, person: str, entry_id: UUID) -> EntryInContext:
    present = await store.lock_entry(connection, person, entry_id)
    if present is None:
        raise NotVisible("There is no such entry.")
    return present


async def _insert(
    connection: asyncpg.Connection,
    author: Author,
    entry_id: UUID,
    draft: Draft,
    context: EntryContext,
    now: datetime,
) -> Saved:
    check_draft(draft, context, now)
    full = with_billable(draft, context)
    entry = await store.insert_entry(connection, author.person, entry_id, full, author.source)
    return Saved(EntryInContext(entry, context.state, context.closed_through), created=True)


async def _replace(
    connection: asyncpg.Connection,
    present: EntryInContext,
    draft: Draft,
    context: EntryContext,
    expected: Preconditions,
    now: datetime,
) -> Saved:
    """Write the draft in place of the entry; the same draft again changes nothing, whatever
    version is expected."""
    entry, full = present.entry, with_billable(draft, context)
    if entry.matches(full):
        return Saved(present, created=False)
    expected.check_version(present, entry.version)
    check_change(entry.date, present.state, present.closed_through)
    check_draft(draft, context, now, entry)
    changed = await store.update_entry(connection, entry.person, entry.id, full)
    in_context = EntryInContext(changed, context.state, context.closed_through)
    return Saved(in_context, created=False)
