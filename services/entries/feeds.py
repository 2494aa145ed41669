"""What entries tells the other services of weeks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from libs.feed import Event, publish
from services.entries.model import Timesheet
from services.entries.store.entries import list_week_entries
from services.entries.store.timesheets import total_by_project


async def publish_submitted(
    connection: asyncpg.Connection, sheet: Timesheet, now: datetime
) -> None:
    """All that an approver decides on, as it stands at this moment."""
    week = sheet.week
    totals = await total_by_project(connection, sheet.person, week.monday, week.sunday)
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


def _subject(sheet: Timesheet) -> dict[str, Any]:
    return {
        "submission_id": str(sheet.submission_id),
        "person": sheet.person,
        "week": str(sheet.week),
    }


def _event(kind: str, sheet: Timesheet, data: dict[str, Any], now: datetime) -> Event:
    return Event(type=kind, subject=str(sheet.submission_id), time=now, data=data)
