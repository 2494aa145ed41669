"""Rows as the JSON that design section 5 names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from libs.rules.calendar import Week, latest_today
from services.entries.model import (
    Lock,
    LockReason,
    State,
    Timesheet,
    lock_of,
)
from services.entries.store.entries import EntryInContext
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


def serialize_entry(entry_in_context: EntryInContext) -> EntryShape:
    entry, state, closed_through = entry_in_context
    return EntryShape(*entry, *_told_of_day(entry.date, state, closed_through))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a week is measured by."""

    target_minutes: int
    closed_through: date | None
    now: datetime


def serialize_summary(sheet: Timesheet, by_project: Mapping[str, int], terms: Terms) -> Json:
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


def serialize_timesheet(
    summary: Json, entries: Sequence[EntryInContext], history: Sequence[Step]
) -> Json:
    return {
        **summary,
        "entries": [serialize_entry(entry_in_context) for entry_in_context in entries],
        "history": history,
    }


def _day_shape(day: date, sheet: Timesheet, closed_through: date | None) -> Json:
    told = _told(lock_of(day, sheet.state, closed_through))
    lock = dict(zip(("can_edit", "lock_reason", "unlock"), told, strict=True))
    return {"date": day, "minutes": sheet.minutes_on(day), **lock}


@lru_cache(maxsize=4096)
def _told_of_day(
    day: date, state: State, closed_through: date | None
) -> tuple[str, bool, LockReason | None, str | None]:
    """`week` and the three of `_told`; a list asks for few days, again and again."""
    return str(Week.of(day)), *_told(lock_of(day, state, closed_through))


def _told(lock: Lock | None) -> tuple[bool, LockReason | None, str | None]:
    """`can_edit`, `lock_reason` and `unlock`."""
    return (True, None, None) if lock is None else (False, lock.reason, lock.unlock)
