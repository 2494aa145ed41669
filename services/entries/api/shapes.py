"""Rows as the JSON that design section 5 names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from libs.rules.calendar import latest_today, week_text
from services.entries.model import (
    Lock,
    LockReason,
    State,
    Timesheet,
    lock_of,
)
from services.entries.store.entries import Placed
from services.entries.store.timesheets import Step

Json = dict[str, Any]


class EntryShape(msgspec.Struct):
    """An entry, and whether it can change. It begins with the members of `Entry`, in their order;
    a struct is made and encoded in a third of the time of a dictionary."""

    id: UUID
    person: str
    date: date
    project: str
    task: str | None
    minutes: int
    note: str
    billable: bool
    source: str
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    week: str
    can_edit: bool
    lock_reason: LockReason | None
    unlock: str | None


def placed_shape(placed: Placed) -> EntryShape:
    entry = placed.entry
    lock = lock_of(entry.date, placed.state, placed.closed_through)
    return EntryShape(*entry, week_text(entry.date), *_told(lock))


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
    told = _told(lock_of(day, sheet.state, closed_through))
    lock = dict(zip(("can_edit", "lock_reason", "unlock"), told, strict=True))
    return {"date": day, "minutes": sheet.minutes_on(day), **lock}


def _told(lock: Lock | None) -> tuple[bool, LockReason | None, str | None]:
    """`can_edit`, `lock_reason` and `unlock`."""
    return (True, None, None) if lock is None else (False, lock.reason, lock.unlock)
