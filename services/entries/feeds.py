"""What entries tells the others of weeks, and what it does with what it learns of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.feed import Event, publish
from libs.feed.applying import Handlers
from libs.feed.wire import Delivery
from libs.rules.calendar import Week
from services.entries import model
from services.entries.model import (
    Timesheet,
)
from services.entries.store import timesheets as store
from services.entries.store.entries import list_week_entries
from services.entries.store.people import learn_person


async def publish_submitted(
    connection: asyncpg.Connection, sheet: Timesheet, now: datetime
) -> None:
    """All that an approver decides on, as it stands at this moment."""
    week = sheet.week
    totals = await store.total_by_project(connection, sheet.person, week.monday, week.sunday)
    placed = await list_week_entries(connection, sheet.person, week)
    entries = [
        {
            "id": str(row.entry.id),
            "date": row.entry.date.isoformat(),
            "project": row.entry.project,
            "task": row.entry.task,
            "minutes": row.entry.minutes,
            "note": row.entry.note,
            "billable": row.entry.billable,
            "source": row.entry.source,
        }
        for row in placed
    ]
    data = {
        **_subject(sheet),
        "total_minutes": sum(sheet.minutes),
        "by_day": {
            day.isoformat(): sheet.minutes_on(day) for day in week.days if sheet.minutes_on(day)
        },
        "by_project": totals.get(week, {}),
        "entries": entries,
        "submitted_at": now.isoformat(),
    }
    await publish(connection, _event("timesheet.submitted", sheet, data, now))


async def publish_withdrawn(
    connection: asyncpg.Connection, sheet: Timesheet, now: datetime
) -> None:
    """`sheet` is the week as it was submitted."""
    await publish(connection, _event("timesheet.withdrawn", sheet, _subject(sheet), now))


async def publish_reopened(
    connection: asyncpg.Connection, sheet: Timesheet, reason: str, actor: str, now: datetime
) -> None:
    """`sheet` is the week as it was approved."""
    data = {**_subject(sheet), "reason": reason, "reopened_by": actor}
    await publish(connection, _event("timesheet.reopened", sheet, data, now))


async def on_decided(connection: asyncpg.Connection, event: Delivery) -> None:
    """Carry a decision out, or declare it void where the week was withdrawn first."""
    told = event.data
    person, week = told["person"], Week.parse(told["week"])
    submission_id, actor = UUID(told["submission_id"]), told["decided_by"]
    approved = told["decision"] == "approved"
    sheet = await store.lock_timesheet(connection, person, week)
    decided = model.decide(sheet, submission_id, told["reason"], approved=approved)
    if decided is None:
        if not await store.was_decided(connection, person, week, submission_id):
            await publish(connection, _answer("decision.void", event))
        return
    await store.save_timesheet(connection, decided)
    await store.add_history(connection, decided, told["decision"], actor, submission_id)
    await publish(connection, _answer(f"timesheet.{told['decision']}", event))


async def on_person_changed(connection: asyncpg.Connection, event: Delivery) -> None:
    await learn_person(connection, event.data)


HANDLERS: Mapping[str, Handlers] = {
    "approvals": {"approval.decided": on_decided},
    "profile": {"person.changed": on_person_changed},
}


def _answer(kind: str, event: Delivery) -> Event:
    """What became of a decision; the moment is that of the decision."""
    told = event.data
    data = {key: told[key] for key in ("submission_id", "person", "week", "decided_by")}
    if kind == "decision.void":
        data["decision"] = told["decision"]
    elif kind == "timesheet.rejected":
        data["reason"] = told["reason"]
    return Event(type=kind, subject=told["submission_id"], time=event.time, data=data)


def _subject(sheet: Timesheet) -> dict[str, Any]:
    return {
        "submission_id": str(sheet.submission_id),
        "person": sheet.person,
        "week": str(sheet.week),
    }


def _event(kind: str, sheet: Timesheet, data: dict[str, Any], now: datetime) -> Event:
    return Event(type=kind, subject=str(sheet.submission_id), time=now, data=data)
