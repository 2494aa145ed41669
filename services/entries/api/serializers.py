"""Domain values as the JSON of the API (docs/reference/api.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

import asyncpg

from libs.rules.calendar import Week, latest_today
from services.entries.calendar import Absence
from services.entries.commands.entries import CopiedWeek
from services.entries.commands.timesheets import WeekInContext, WholeWeek
from services.entries.model import Entry, Lock, LockReason, State, Timesheet, lock_of
from services.entries.schemas.calendar import AbsenceResource
from services.entries.schemas.entries import CopyAnswer, EntryAnswer, SkippedAnswer
from services.entries.schemas.timesheets import (
    DayAnswer,
    StepAnswer,
    TimesheetAnswer,
    TimesheetSummary,
)
from services.entries.store.entries import EntryInContext
from services.entries.targets import total_of

LockMembers = tuple[bool, LockReason | None, str | None]

# The places in a record with the columns of `IN_CONTEXT`. A slice of a record takes a third of the
# time of unpacking it, and one tuple of arguments less than two.
_WIDTH = len(Entry._fields)
_DATE = Entry._fields.index("date")
_STATE, _CLOSED_THROUGH = _WIDTH, _WIDTH + 1


def serialize_entry(in_context: EntryInContext) -> EntryAnswer:
    """An entry with whether it can be changed."""
    entry, state, closed_through = in_context
    return EntryAnswer(*entry, *_members_of_day(entry.date, state, closed_through))


def serialize_record(record: asyncpg.Record) -> EntryAnswer:
    """The same, from a record with the columns of `IN_CONTEXT`."""
    members = _members_of_day(record[_DATE], record[_STATE], record[_CLOSED_THROUGH])
    return EntryAnswer(*(record[:_WIDTH] + members))


def serialize_copy(copied: CopiedWeek) -> CopyAnswer:
    """The copies, and the entries that were skipped."""
    return CopyAnswer(
        items=[serialize_entry(entry) for entry in copied.items],
        skipped=[
            SkippedAnswer(skipped.id, skipped.violation.code, skipped.violation.message)
            for skipped in copied.skipped
        ],
    )


def serialize_summary(week: WeekInContext) -> TimesheetSummary:
    """A week without its entries and its history."""
    return TimesheetSummary(**_members_of_week(week))


def serialize_timesheet(whole: WholeWeek) -> TimesheetAnswer:
    """A week with its entries, absences, holidays and history."""
    return TimesheetAnswer(
        **_members_of_week(whole.week),
        entries=[serialize_entry(entry) for entry in whole.entries],
        absences=serialize_absences(
            whole.week.calendar.absences,
            {whole.week.sheet.week: whole.week.sheet},
            whole.week.closed_through,
        ),
        holidays={
            day: name
            for day, name in whole.week.calendar.holidays.items()
            if day in whole.week.sheet.week.days
        },
        history=[
            StepAnswer(
                event=step.event,
                at=step.at,
                actor=step.actor,
                reason=step.reason,
                submission_id=step.submission_id,
                total_minutes=step.total_minutes,
            )
            for step in whole.history
        ],
    )


def serialize_absences(
    absences: Iterable[Absence], sheets: Mapping[Week, Timesheet], closed_through: date | None
) -> list[AbsenceResource]:
    """Absences with why they cannot change: the first lock of their days in the given weeks."""
    return [
        serialize_absence(absence, _first_lock(absence, sheets, closed_through))
        for absence in absences
    ]


def serialize_absence(absence: Absence, lock: Lock | None) -> AbsenceResource:
    """An absence with whether it can be changed."""
    can_edit, lock_reason, unlock = _lock_members(lock)
    return AbsenceResource(
        id=absence.id,
        person=absence.person,
        since=absence.draft.first,
        until=absence.draft.last,
        kind=absence.draft.kind,
        portion=absence.draft.portion,
        note=absence.draft.note,
        can_edit=can_edit,
        lock_reason=lock_reason,
        unlock=unlock,
        version=absence.version,
        created_at=absence.created_at,
        updated_at=absence.updated_at,
    )


def _first_lock(
    absence: Absence, sheets: Mapping[Week, Timesheet], closed_through: date | None
) -> Lock | None:
    for day in absence.draft.days:
        sheet = sheets.get(Week.of(day))
        lock = lock_of(day, sheet.state if sheet else State.OPEN, closed_through)
        if lock is not None:
            return lock
    return None


def _members_of_week(week: WeekInContext) -> dict[str, Any]:
    sheet = week.sheet
    return {
        "week": str(sheet.week),
        "person": sheet.person,
        "state": sheet.state,
        "submission_id": sheet.submission_id,
        "reason": sheet.reason,
        "total_minutes": sum(sheet.minutes),
        "target_minutes": total_of(week.targets),
        "by_day": dict(zip(sheet.week.days, sheet.minutes, strict=True)),
        "by_project": dict(week.by_project),
        "days": _days(week),
        "can_submit": sheet.state is State.OPEN and sheet.week.monday <= latest_today(week.now),
        "can_withdraw": sheet.state is State.SUBMITTED,
        "version": sheet.version,
    }


def _days(week: WeekInContext) -> list[DayAnswer]:
    sheet = week.sheet
    calendar = week.calendar
    return [
        DayAnswer(
            day,
            minutes,
            target,
            calendar.holidays.get(day),
            calendar.absence_on(day),
            *_lock_members(lock_of(day, sheet.state, week.closed_through)),
        )
        for day, minutes, target in zip(sheet.week.days, sheet.minutes, week.targets, strict=True)
    ]


@lru_cache(maxsize=4096)
def _members_of_day(
    day: date, state: str, closed_through: date | None
) -> tuple[str, bool, LockReason | None, str | None]:
    """`week` and the members of a lock. Cached, because lists repeat few days."""
    return str(Week.of(day)), *_lock_members(lock_of(day, State(state), closed_through))


def _lock_members(lock: Lock | None) -> LockMembers:
    """`can_edit`, `lock_reason` and `unlock`."""
    return (True, None, None) if lock is None else (False, lock.reason, lock.unlock)
