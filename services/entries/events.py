"""The events that entries publishes about weeks and the period (docs/reference/events.md)."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec

from libs.feed import Event, publish
from libs.feed.events import deferred_publish
from libs.rules.calendar import Week
from services.entries.calendar import Absence, PersonCalendar
from services.entries.model import Entry, Timesheet
from services.entries.store import timesheets as store
from services.entries.store.entries import list_week_entries, read_billable_defaults
from services.entries.store.timesheets import PersonsWeek
from services.entries.targets import total_of

ENTRY_FIELDS = (
    *("id", "date", "project", "task", "minutes", "note", "billable", "source"),
    "changed_by",
)


async def publish_submitted(
    connection: asyncpg.Connection,
    sheet: Timesheet,
    calendar: PersonCalendar,
    actor: str,
    now: datetime,
) -> None:
    """Everything that an approver decides on, as it is at this moment."""
    entries = await list_week_entries(connection, sheet.person, sheet.week)
    defaults = await read_billable_defaults(connection, sheet.person, sheet.week)
    data = {
        **await _facts(connection, sheet),
        "entries": [_entry(row.entry, defaults[row.entry.id]) for row in entries],
        "absences": [_absence(each) for each in calendar.absences],
        "holidays": {
            day: name for day, name in calendar.holidays.items() if day in sheet.week.days
        },
        "submitted_at": now.isoformat(),
        "submitted_by": actor,
        "submitted_for": sheet.person if actor != sheet.person else None,
    }
    await publish(connection, _event("timesheet.submitted", sheet, data, now))


def without_notes(kind: str, data: str) -> str:
    """The data of an event for partners: the week is not approved, so notes are left out."""
    if kind != "timesheet.submitted":
        return data
    fields: dict[str, Any] = msgspec.json.decode(data)
    for each in (*fields["entries"], *fields.get("absences", ())):
        each.pop("note", None)
    return msgspec.json.encode(fields).decode()


def _entry(entry: Entry, project_billable: bool) -> dict[str, Any]:
    fields = {name: getattr(entry, name) for name in ENTRY_FIELDS}
    return {**fields, "project_billable": project_billable}


def _absence(absence: Absence) -> dict[str, Any]:
    """An absence as events have it."""
    draft = absence.draft
    return {
        "id": absence.id,
        "from": draft.first,
        "to": draft.last,
        "kind": draft.kind,
        "portion": draft.portion,
        "note": draft.note,
    }


async def publish_weeks_off(
    connection: asyncpg.Connection, weeks: Mapping[tuple[str, Week], bool], now: datetime
) -> None:
    """Publish whether holidays and absences leave a person nothing to work in a week.

    An event for each week, so that the newest of each is kept.
    """
    for (person, week), is_off in sorted(weeks.items(), key=lambda item: item[0]):
        data = {"person": person, "week": str(week), "off": is_off}
        await publish(connection, Event("absence.changed", f"{person}/{week}", now, data))


async def publish_withdrawn(
    connection: asyncpg.Connection, sheet: Timesheet, now: datetime
) -> None:
    """`sheet` is the week as it was submitted."""
    data = await _facts(connection, sheet)
    await publish(connection, _event("timesheet.withdrawn", sheet, data, now))


async def publish_reopened(
    connection: asyncpg.Connection, sheet: Timesheet, reason: str, actor: str, now: datetime
) -> None:
    """`sheet` is the week as it was approved."""
    data = {**await _facts(connection, sheet), "reason": reason, "reopened_by": actor}
    await publish(connection, _event("timesheet.reopened", sheet, data, now))


async def publish_left_open(
    connection: asyncpg.Connection, person: str, week: Week, total_minutes: int, time: datetime
) -> None:
    """An inactive person has an open week with these hours, which somebody has to submit for them;
    0 if none are left."""
    data = {"person": person, "week": str(week), "total_minutes": total_minutes}
    event = Event(type="timesheet.left_open", subject=f"{person}/{week}", time=time, data=data)
    await publish(connection, event)


async def publish_changed_weeks(
    connection: asyncpg.Connection, weeks: Set[PersonsWeek], now: datetime
) -> None:
    """Publish the hours of those weeks that are open and of an inactive person, after a change."""
    left_open = await store.list_left_open(connection, weeks)
    async with deferred_publish(connection):
        for person, week, minutes in left_open:
            await publish_left_open(connection, person, week, minutes, now)


async def publish_period(
    connection: asyncpg.Connection,
    closed_through: date | None,
    reason: str | None,
    actor: str,
    now: datetime,
) -> None:
    """Publish that days were closed or opened again."""
    data = {"closed_through": closed_through, "reason": reason, "changed_by": actor}
    event = Event(type="period.changed", subject="period", time=now, data=data)
    await publish(connection, event)


def facts_of(sheet: Timesheet, by_project: Mapping[str, int]) -> dict[str, Any]:
    """The fields about its week that every event has."""
    return {
        "submission_id": str(sheet.submission_id),
        "person": sheet.person,
        "week": str(sheet.week),
        "total_minutes": sum(sheet.minutes),
        "target_minutes": total_of(sheet.targets or ()),
        "by_day": {
            day.isoformat(): sheet.minutes_on(day)
            for day in sheet.week.days
            if sheet.minutes_on(day)
        },
        "by_project": by_project,
    }


async def _facts(connection: asyncpg.Connection, sheet: Timesheet) -> dict[str, Any]:
    week = sheet.week
    totals = await store.total_by_project(connection, sheet.person, week.monday, week.sunday)
    return facts_of(sheet, totals.get(week, {}))


def _event(kind: str, sheet: Timesheet, data: dict[str, Any], now: datetime) -> Event:
    return Event(type=kind, subject=str(sheet.submission_id), time=now, data=data)
