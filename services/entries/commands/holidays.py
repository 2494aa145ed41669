"""The company's own days off."""

from __future__ import annotations

from datetime import date, datetime

import asyncpg

from libs.changes import Actor, Change, record_changes
from libs.feed.events import deferred_publish
from libs.postgres.pool import Database
from libs.rules.calendar import Week
from libs.rules.errors import NotVisible
from services.entries.events import publish_weeks_off
from services.entries.model import State, check_change
from services.entries.store import holidays as store
from services.entries.store.calendar import read_calendars
from services.entries.store.people import read_active_working_times
from services.entries.store.period import read_closed_through, share_rules_lock


async def put_company_day(db: Database, day: date, name: str, actor: Actor, now: datetime) -> bool:
    """Make the day a company day, or rename it; True if it is new. Raises `Locked` if closed."""

    async def put(connection: asyncpg.Connection) -> bool:
        present = await _read_open_day(connection, day)
        if present == name:
            return False
        off_before = await _list_off(connection, day)
        await store.save_company_day(connection, day, name)
        await _record(connection, day, present, name, actor, now)
        await _publish_changed(connection, day, off_before, now)
        return present is None

    return await db.transact(put)


async def delete_company_day(db: Database, day: date, actor: Actor, now: datetime) -> None:
    """Make the company day an ordinary day. Raises `NotVisible`, `Locked` if closed."""

    async def delete(connection: asyncpg.Connection) -> None:
        present = await _read_open_day(connection, day)
        if present is None:
            raise NotVisible("There is no company day on this date.")
        off_before = await _list_off(connection, day)
        await store.delete_company_day(connection, day)
        await _record(connection, day, present, None, actor, now)
        await _publish_changed(connection, day, off_before, now)

    await db.transact(delete)


async def _read_open_day(connection: asyncpg.Connection, day: date) -> str | None:
    """The name of the company day; raises `Locked` if the day is in the closed period."""
    await share_rules_lock(connection)
    await store.lock_company_days(connection)
    check_change(day, State.OPEN, await read_closed_through(connection))
    return await store.read_company_day(connection, day)


async def _list_off(connection: asyncpg.Connection, day: date) -> set[str]:
    """The active people who are off in the week of the day."""
    week = Week.of(day)
    calendars = await read_calendars(connection, await read_active_working_times(connection), week)
    return {person for person, calendar in calendars.items() if calendar.is_off(week)}


async def _publish_changed(
    connection: asyncpg.Connection, day: date, off_before: set[str], now: datetime
) -> None:
    """Publish of those for whom it changed whether they are off in the week of the day."""
    off = await _list_off(connection, day)
    changed = {(person, Week.of(day)): person in off for person in off ^ off_before}
    async with deferred_publish(connection):
        await publish_weeks_off(connection, changed, now)


async def _record(
    connection: asyncpg.Connection,
    day: date,
    before: str | None,
    after: str | None,
    actor: Actor,
    now: datetime,
) -> None:
    action = "deleted" if after is None else "created" if before is None else "updated"
    change = Change(
        kind="holiday",
        subject=day.isoformat(),
        action=action,
        actor=actor,
        at=now,
        before=None if before is None else {"name": before},
        after=None if after is None else {"name": after},
    )
    await record_changes(connection, [change])
