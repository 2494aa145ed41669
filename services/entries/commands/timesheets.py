"""Reading weeks, and taking them from state to state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

import asyncpg

from libs.changes import Actor, Change, record_changes
from libs.feed.events import deferred_publish
from libs.postgres.pool import Database
from libs.rules.calendar import Week
from libs.rules.preconditions import UNCONDITIONAL, Preconditions
from services.entries import events, model
from services.entries.calendar import PersonCalendar
from services.entries.commands.calendar import targets_of
from services.entries.commands.others import check_known
from services.entries.commands.weeks_off import publish_earlier_weeks_off
from services.entries.model import State, Timesheet
from services.entries.store import timesheets as store
from services.entries.store.calendar import read_calendar
from services.entries.store.entries import EntryInContext, list_week_entries
from services.entries.store.period import read_closed_through
from services.entries.store.timesheets import Step
from services.entries.targets import Targets


@dataclass(frozen=True, slots=True)
class WeekInContext:
    """A week with its totals, what it is measured by, and the closed period."""

    sheet: Timesheet
    by_project: Mapping[str, int]
    targets: Targets
    calendar: PersonCalendar
    closed_through: date | None
    now: datetime


@dataclass(frozen=True, slots=True)
class WholeWeek:
    """A week with its entries and its history."""

    week: WeekInContext
    entries: Sequence[EntryInContext]
    history: Sequence[Step]


Step_ = Callable[[asyncpg.Connection, Timesheet], Awaitable[None]]


async def list_weeks(
    connection: asyncpg.Connection, person: str, weeks: Sequence[Week], now: datetime
) -> list[WeekInContext]:
    """These weeks, which are in descending order without a gap; those without a row included."""
    if not weeks:
        return []
    newest, oldest = weeks[0], weeks[-1]
    sheets = await store.list_timesheets(connection, person, oldest, newest)
    projects = await store.total_by_project(connection, person, oldest.monday, newest.sunday)
    calendar = await read_calendar(connection, person, oldest.monday, newest.sunday)
    closed_through = await read_closed_through(connection)
    found = [sheets.get(week, Timesheet(person, week)) for week in weeks]
    return [
        WeekInContext(
            sheet,
            projects.get(sheet.week, {}),
            targets_of(sheet, calendar),
            calendar,
            closed_through,
            now,
        )
        for sheet in found
    ]


async def read_week(
    connection: asyncpg.Connection, person: str, week: Week, now: datetime
) -> WholeWeek:
    """A week with its entries and history."""
    [in_context] = await list_weeks(connection, person, [week], now)
    return WholeWeek(
        in_context,
        await list_week_entries(connection, person, week),
        await store.read_history(connection, person, week),
    )


async def submit_week(
    db: Database,
    person: str,
    week: Week,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> WholeWeek:
    """Submit the week for approval, and fix what it is measured by. The history names the actor,
    and the change log a submission for somebody else.

    Raises `NotVisible`, `WrongState`, `StaleVersion`.
    """

    async def submit(connection: asyncpg.Connection, sheet: Timesheet) -> None:
        calendar = await read_calendar(connection, person, week.monday, week.sunday)
        submitted = model.submit(sheet, uuid4(), now, calendar.targets(week.days))
        await store.save_timesheet(connection, submitted)
        await store.add_history(
            connection, submitted, "submitted", actor.subject, submitted.submission_id
        )
        await _record_for_another(connection, sheet, submitted, actor, now)
        await publish_earlier_weeks_off(connection, person, week, now)
        await events.publish_submitted(connection, submitted, calendar, actor.subject, now)

    return await _change(db, person, week, actor.subject, now, expected, submit)


async def withdraw_week(
    db: Database, person: str, week: Week, now: datetime, expected: Preconditions = UNCONDITIONAL
) -> WholeWeek:
    """Take a submitted week back. Raises `WrongState`, `StaleVersion`."""

    async def withdraw(connection: asyncpg.Connection, sheet: Timesheet) -> None:
        withdrawn = model.withdraw(sheet)
        await store.save_timesheet(connection, withdrawn)
        await store.add_history(connection, withdrawn, "withdrawn", person, sheet.submission_id)
        await events.publish_withdrawn(connection, sheet, now)

    return await _change(db, person, week, person, now, expected, withdraw)


async def reopen_week(
    db: Database,
    person: str,
    week: Week,
    reason: str,
    actor: Actor,
    now: datetime,
    expected: Preconditions = UNCONDITIONAL,
) -> WholeWeek:
    """Open an approved week again.

    Raises `NotVisible`, `WrongState`, `PeriodClosed`, `StaleVersion`.
    """

    async def reopen(connection: asyncpg.Connection, sheet: Timesheet) -> None:
        reopened = model.reopen(sheet, reason, await read_closed_through(connection))
        await store.save_timesheet(connection, reopened)
        await store.add_history(
            connection, reopened, "reopened", actor.subject, sheet.submission_id
        )
        await _record_for_another(connection, sheet, reopened, actor, now)
        await events.publish_reopened(connection, sheet, reason, actor.subject, now)

    return await _change(db, person, week, actor.subject, now, expected, reopen)


async def _change(
    db: Database,
    person: str,
    week: Week,
    actor: str,
    now: datetime,
    expected: Preconditions,
    step: Step_,
) -> WholeWeek:
    """Lock the week, check its version, take the step, and read the week as it is then.

    Raises `NotVisible` if the week is that of another person whom nobody knows.
    """

    async def change(connection: asyncpg.Connection) -> WholeWeek:
        await check_known(connection, person, actor)
        sheet = await store.lock_timesheet(connection, person, week)
        if expected.is_stale(sheet.version):
            expected.check_version(await read_week(connection, person, week, now), sheet.version)
        async with deferred_publish(connection):
            await step(connection, sheet)
            return await read_week(connection, person, week, now)

    return await db.transact(change)


async def _record_for_another(
    connection: asyncpg.Connection,
    before: Timesheet,
    after: Timesheet,
    actor: Actor,
    now: datetime,
) -> None:
    """Add what was done to another person's week to the change log."""
    if actor.subject == before.person:
        return
    action = "submitted" if after.state is State.SUBMITTED else "reopened"
    change = Change(
        kind="timesheet",
        subject=before.person,
        action=action,
        actor=actor,
        at=now,
        before={"week": str(before.week), "state": before.state},
        after={"week": str(after.week), "state": after.state},
        reason=after.reason,
    )
    await record_changes(connection, [change])
