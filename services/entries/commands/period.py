"""Closing the period, and what an offline client needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from libs.changes import Actor, Change, record_changes
from libs.feed.events import deferred_publish
from libs.postgres.pool import Database
from libs.rules.calendar import Week, latest_today
from services.entries import events, model
from services.entries.resources import Period
from services.entries.store import period as store
from services.entries.store.people import read_working_time
from services.entries.targets import Targets, day_targets


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits on a person's entries today. `targets` are those of the current week."""

    closed_through: date | None
    today: date
    targets: Targets
    has_contract: bool


async def close_period(
    db: Database,
    closed_through: date | None,
    reason: str | None,
    actor: Actor,
    now: datetime,
) -> Period:
    """Close the days through `closed_through`, or open days again. Raises `RuleBroken`.

    Waits until no entry is being written: `DatabaseBusy` if that takes too long.
    """

    async def close(connection: asyncpg.Connection) -> Period:
        await store.take_rules_lock(connection)
        present = await store.read_closed_through(connection)
        model.check_closing(closed_through, present, reason, now)
        if closed_through != present:
            await store.close_period(connection, closed_through, actor.subject, reason)
            await record_changes(connection, [_change(present, closed_through, reason, actor, now)])
            async with deferred_publish(connection):
                await events.publish_period(connection, closed_through, reason, actor.subject, now)
        return await store.read_period(connection)

    return await db.transact(close)


async def read_rules(connection: asyncpg.Connection, person: str, now: datetime) -> Rules:
    """The rules that hold for a person now: closed days, targets, contract."""
    today = latest_today(now)
    working_time = await read_working_time(connection, person)
    return Rules(
        closed_through=await store.read_closed_through(connection),
        today=today,
        targets=day_targets(working_time, Week.of(today).days),
        has_contract=working_time.contract_on(today) is not None,
    )


def _change(
    before: date | None, after: date | None, reason: str | None, actor: Actor, now: datetime
) -> Change:
    return Change(
        kind="period",
        subject="period",
        action="changed",
        actor=actor,
        at=now,
        before={"closed_through": before},
        after={"closed_through": after},
        reason=reason,
    )
