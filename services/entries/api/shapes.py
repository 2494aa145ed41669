"""Rows as the JSON that design section 5 names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from libs.rules.calendar import Week, latest_today
from services.entries.model import (
    Lock,
    State,
    Timesheet,
    lock_of,
)
from services.entries.store.entries import Placed
from services.entries.store.timesheets import Step

Json = dict[str, Any]


def placed_shape(placed: Placed) -> Json:
    """An entry, and whether it can change."""
    entry = placed.entry
    return {
        "id": entry.id,
        "person": entry.person,
        "date": entry.date,
        "week": str(Week.of(entry.date)),
        "project": entry.project,
        "task": entry.task,
        "minutes": entry.minutes,
        "note": entry.note,
        "billable": entry.billable,
        "source": entry.source,
        "external_id": entry.external_id,
        "version": entry.version,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
        **_lock_shape(lock_of(entry.date, placed.state, placed.closed_through)),
    }


@dataclass(frozen=True, slots=True)
class Terms:
    """What a week is measured by."""

    target_minutes: int
    closed_through: date | None
    now: datetime


def summary_shape(sheet: Timesheet, by_project: Mapping[str, int], terms: Terms) -> Json:
    """A week without its entries and its history."""
    is_open = sheet.state is State.OPEN
    return {
        "week": str(sheet.week),
        "person": sheet.person,
        "state": sheet.state,
        "submission_id": sheet.submission_id,
        "reason": sheet.reason,
        "total_minutes": sum(sheet.minutes),
        "target_minutes": terms.target_minutes,
        "by_day": dict(zip(sheet.week.days, sheet.minutes, strict=True)),
        "by_project": by_project,
        "days": [_day_shape(day, sheet, terms.closed_through) for day in sheet.week.days],
        "can_submit": is_open and sheet.week.monday <= latest_today(terms.now),
        "can_withdraw": sheet.state is State.SUBMITTED,
        "version": sheet.version,
    }


def timesheet_shape(summary: Json, entries: Sequence[Placed], history: Sequence[Step]) -> Json:
    return {**summary, "entries": [placed_shape(placed) for placed in entries], "history": history}


def _day_shape(day: date, sheet: Timesheet, closed_through: date | None) -> Json:
    return {
        "date": day,
        "minutes": sheet.minutes_on(day),
        **_lock_shape(lock_of(day, sheet.state, closed_through)),
    }


def _lock_shape(lock: Lock | None) -> Json:
    return {
        "can_edit": lock is None,
        "lock_reason": lock.reason if lock else None,
        "unlock": lock.unlock if lock else None,
    }
