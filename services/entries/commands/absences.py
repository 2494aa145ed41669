"""Creating, changing and deleting absences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.changes import Actor, Change, record_changes
from libs.feed.events import deferred_publish
from libs.postgres.pool import Database
from libs.rules.calendar import Week
from libs.rules.errors import NotVisible, StaleVersion
from libs.rules.preconditions import UNCONDITIONAL, Preconditions
from services.entries.calendar import Absence, AbsenceDraft, changed_days, check_absence
from services.entries.commands.others import check_known
from services.entries.events import publish_weeks_off
from services.entries.model import check_change
from services.entries.store import absences as store
from services.entries.store.calendar import read_calendar
from services.entries.store.period import read_closed_through, share_rules_lock
from services.entries.store.timesheets import lock_timesheet


@dataclass(frozen=True, slots=True)
class SavedAbsence:
    """The absence, and whether it is new."""

    absence: Absence
    created: bool


async def put_absence(
    db: Database,
    person: str,
    absence_id: UUID,
    draft: AbsenceDraft,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> SavedAbsence:
    """Create the absence with this id or replace it; repeating it changes nothing.

    Raises `Locked` if a day that changes is in a submitted or approved week or in the closed
    period, `NotVisible`, `RuleBroken`, `StaleVersion`.
    """

    async def put(connection: asyncpg.Connection) -> SavedAbsence:
        return await put_absence_in(connection, person, absence_id, draft, actor, now, expected)

    return await db.transact(put)


async def put_absence_in(
    connection: asyncpg.Connection,
    person: str,
    absence_id: UUID,
    draft: AbsenceDraft,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> SavedAbsence:
    """`put_absence` as a part of a transaction, which stores the response to a key as well."""
    await check_known(connection, person, actor.subject)
    await share_rules_lock(connection)
    present = await store.lock_absence(connection, person, absence_id)
    if present is not None and present.draft == draft:
        return SavedAbsence(present, created=False)
    _check_preconditions(present, expected)
    # Before the days are walked through: a range may end before it begins.
    check_absence(draft, ())
    await _check_days(connection, person, changed_days(_draft_of(present), draft))
    await store.lock_person(connection, person)
    touched = await store.list_all_absences(connection, person, draft.first, draft.last)
    check_absence(draft, [each for each in touched if each.id != absence_id])
    save = store.insert_absence if present is None else store.update_absence
    saved = await save(connection, person, absence_id, draft)
    await _record_for_another(connection, actor, now, present, saved)
    await _publish_weeks_off(connection, person, changed_days(_draft_of(present), draft), now)
    return SavedAbsence(saved, created=present is None)


async def delete_absence(
    db: Database,
    person: str,
    absence_id: UUID,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> None:
    """Delete the absence. Raises `NotVisible`, `Locked`, `StaleVersion`."""

    async def delete(connection: asyncpg.Connection) -> None:
        await share_rules_lock(connection)
        present = await store.lock_absence(connection, person, absence_id)
        if present is None:
            raise NotVisible("There is no such absence.")
        _check_preconditions(present, expected)
        await _check_days(connection, person, present.draft.days)
        await store.lock_person(connection, person)
        await store.delete_absence(connection, person, absence_id)
        await _record_for_another(connection, actor, now, present, None)
        await _publish_weeks_off(connection, person, present.draft.days, now)

    await db.transact(delete)


async def _check_days(connection: asyncpg.Connection, person: str, days: Iterable[date]) -> None:
    """Lock the weeks of the days, in order, and raise `Locked` if one of the days cannot change."""
    closed_through = await read_closed_through(connection)
    by_week: dict[Week, list[date]] = {}
    for day in days:
        by_week.setdefault(Week.of(day), []).append(day)
    for week, touched in sorted(by_week.items(), key=lambda item: item[0].monday):
        sheet = await lock_timesheet(connection, person, week)
        for day in touched:
            check_change(day, sheet.state, closed_through)


async def _publish_weeks_off(
    connection: asyncpg.Connection, person: str, days: Iterable[date], now: datetime
) -> None:
    """Publish of the weeks of these days whether anything is left to work."""
    weeks = sorted({Week.of(day) for day in days})
    if not weeks:
        return
    calendar = await read_calendar(connection, person, weeks[0].monday, weeks[-1].sunday)
    async with deferred_publish(connection):
        off = {(person, week): calendar.is_off(week) for week in weeks}
        await publish_weeks_off(connection, off, now)


def _check_preconditions(present: Absence | None, expected: Preconditions) -> None:
    if present is None:
        if expected.exists:
            raise StaleVersion("The absence no longer exists.")
        return
    if expected.is_new:
        raise StaleVersion("The absence exists.", present, present.version)
    expected.check_version(present, present.version)


def _draft_of(absence: Absence | None) -> AbsenceDraft | None:
    return absence.draft if absence else None


async def _record_for_another(
    connection: asyncpg.Connection,
    actor: Actor,
    now: datetime,
    before: Absence | None,
    after: Absence | None,
) -> None:
    """Add what was done for another person to the change log."""
    absence = after or before
    if absence is None or absence.person == actor.subject:
        return
    action = "deleted" if after is None else "created" if before is None else "updated"
    change = Change(
        kind="absence",
        subject=absence.person,
        action=action,
        actor=actor,
        at=now,
        before=_facts(before),
        after=_facts(after),
    )
    await record_changes(connection, [change])


def _facts(absence: Absence | None) -> dict[str, Any] | None:
    if absence is None:
        return None
    draft = absence.draft
    return {
        "id": str(absence.id),
        "from": draft.first.isoformat(),
        "to": draft.last.isoformat(),
        "kind": str(draft.kind),
        "portion": draft.portion,
        "note": draft.note,
    }
