"""Absences that the server does not know yet, laid over the calendar that it sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from mobile.core.changes import Change, ChangeKind
from mobile.core.wire import Absence, CalendarDay, read


def with_pending_absences(
    days: Mapping[date, CalendarDay], changes: Iterable[Change], known: Iterable[Absence]
) -> dict[date, CalendarDay]:
    """The days after the changes; a change that the server rejected leaves them as they are.

    The target of a day whose absence is deleted or moved is unknown until the server sends it.
    """
    found = dict(days)
    before = {absence.id: absence for absence in known}
    for change in changes:
        if change.failure is not None:
            continue
        if change.kind not in (ChangeKind.PUT_ABSENCE, ChangeKind.DELETE_ABSENCE):
            continue
        stored = before.pop(change.target, None)
        for day in _days_of(stored):
            if day in days:
                found[day] = _present(days[day])
            else:
                found.pop(day, None)
        if change.kind is ChangeKind.PUT_ABSENCE:
            absence = read(Absence, {**change.body, "id": change.target})
            before[change.target] = absence
            for day in _days_of(absence):
                found[day] = _absent(days.get(day) or CalendarDay(day), absence)
    return found


def _days_of(absence: Absence | None) -> list[date]:
    if absence is None:
        return []
    length = (absence.until - absence.since).days + 1
    return [absence.since + timedelta(days=number) for number in range(length)]


def _present(day: CalendarDay) -> CalendarDay:
    if day.absence is None:
        return day
    return replace(day, absence=None, target_minutes=None)


def _absent(day: CalendarDay, absence: Absence) -> CalendarDay:
    """Without a target, or half of it; a day that had an absence already keeps what is left."""
    target = day.target_minutes
    if target is not None and day.absence is None:
        target = int(target * (1 - absence.portion))
    return replace(day, absence=absence.kind.value, target_minutes=target)
