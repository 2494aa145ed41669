"""What entries tells the others of weeks, and what it does with what it learns of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from libs.feed import Event, publish
from libs.feed.applying import Handlers
from libs.feed.wire import Delivery, data_as
from libs.rules.calendar import Week
from libs.service.admission import record_access_of
from services.entries import model
from services.entries.model import (
    Timesheet,
)
from services.entries.store import timesheets as store
from services.entries.store.entries import list_week_entries
from services.entries.store.people import learn_people
from services.entries.store.timesheets import PersonsWeek


async def publish_submitted(
    connection: asyncpg.Connection, sheet: Timesheet, now: datetime
) -> None:
    """All that an approver decides on, as it stands at this moment."""
    week = sheet.week
    totals = await store.total_by_project(connection, sheet.person, week.monday, week.sunday)
    entry_in_context = await list_week_entries(connection, sheet.person, week)
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
        for row in entry_in_context
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


class Decided(msgspec.Struct, frozen=True):
    """`approval.decided`."""

    submission_id: UUID
    person: str
    week: str
    decision: Literal["approved", "rejected"]
    reason: str | None
    decided_by: str

    @property
    def key(self) -> PersonsWeek:
        return self.person, Week.parse(self.week)


async def on_decisions(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Carry decisions out, or declare void those whose week was withdrawn first."""
    decisions = [data_as(Decided, event) for event in events]
    keys = [told.key for told in decisions]
    sheets = await store.lock_timesheets(connection, set(keys))
    outcomes: list[Timesheet | None] = []
    for key, told in zip(keys, decisions, strict=True):
        approved = told.decision == "approved"
        decided = model.decide(sheets[key], told.submission_id, told.reason, approved=approved)
        outcomes.append(decided)
        sheets[key] = decided or sheets[key]
    in_time = [(told, sheet) for told, sheet in zip(decisions, outcomes, strict=True) if sheet]
    await store.save_decided(
        connection,
        [(sheet, told.submission_id, told.decision, told.decided_by) for told, sheet in in_time],
    )
    late = {key for key, sheet in zip(keys, outcomes, strict=True) if sheet is None}
    known = await store.read_decided(connection, late) if late else frozenset()
    for event, told, sheet in zip(events, decisions, outcomes, strict=True):
        if sheet is not None:
            answer = _answer(f"timesheet.{told.decision}", told, event)
        elif told.submission_id not in known:
            answer = _answer("decision.void", told, event)
        else:
            continue
        await publish(connection, answer, event.traceparent)


async def on_people(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    await learn_people(connection, [data_as(dict[str, Any], event) for event in events])
    await record_access_of(connection, events)


HANDLERS: Mapping[str, Handlers] = {
    "approvals": {"approval.decided": on_decisions},
    "profile": {"person.changed": on_people},
}


def _answer(kind: str, told: Decided, event: Delivery) -> Event:
    """What became of a decision; the moment is that of the decision."""
    submission_id = str(told.submission_id)
    data: dict[str, Any] = {
        "submission_id": submission_id,
        "person": told.person,
        "week": told.week,
        "decided_by": told.decided_by,
    }
    if kind == "decision.void":
        data["decision"] = told.decision
    elif kind == "timesheet.rejected":
        data["reason"] = told.reason
    return Event(type=kind, subject=submission_id, time=event.time, data=data)


def _subject(sheet: Timesheet) -> dict[str, Any]:
    return {
        "submission_id": str(sheet.submission_id),
        "person": sheet.person,
        "week": str(sheet.week),
    }


def _event(kind: str, sheet: Timesheet, data: dict[str, Any], now: datetime) -> Event:
    return Event(type=kind, subject=str(sheet.submission_id), time=now, data=data)
