"""Absences and what they leave of a day. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.rules.calendar import Week
from libs.rules.violations import RuleBroken, Violation
from services.entries.targets import Targets, WorkingTime, day_targets

MAX_ABSENCE_DAYS = 366
MAX_ABSENCE_NOTE_LENGTH = 500
PORTIONS = (0.5, 1.0)


class AbsenceKind(StrEnum):
    """Why somebody is off."""

    VACATION = "vacation"
    SICK = "sick"
    PARENTAL = "parental"
    UNPAID = "unpaid"
    TRAINING = "training"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AbsenceDraft:
    """Days off from `first` to `last`, both included. `portion` is 1 or, for half days, 0.5."""

    first: date
    last: date
    kind: AbsenceKind
    portion: float
    note: str

    @property
    def days(self) -> tuple[date, ...]:
        """Each day, in order."""
        return tuple(
            self.first + timedelta(number) for number in range((self.last - self.first).days + 1)
        )


@dataclass(frozen=True, slots=True)
class Absence:
    """A stored absence."""

    id: UUID
    person: str
    draft: AbsenceDraft
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PersonCalendar:
    """A person's working time, holidays by day, and absences."""

    working_time: WorkingTime
    holidays: Mapping[date, str] = field(default_factory=dict)
    absences: Sequence[Absence] = ()

    def targets(self, days: Sequence[date]) -> Targets:
        """The target of each day: contract minutes less holidays and absences."""
        return day_targets(self.working_time, days, self.holidays, portions_of(self.absences))

    def absence_on(self, day: date) -> AbsenceKind | None:
        """The kind of the longest absence of the day."""
        found = [each.draft for each in self.absences if each.draft.first <= day <= each.draft.last]
        longest = max(found, key=lambda draft: draft.portion, default=None)
        return longest.kind if longest else None

    def is_off(self, week: Week) -> bool:
        """Whether holidays and absences leave nothing to work in the week, or contracts plan
        nothing for it. An own target of 0 excuses nobody. A week before joining or after leaving
        is not one off."""
        return bool(self.weeks_off([week]))

    def weeks_off(self, weeks: Iterable[Week]) -> set[Week]:
        """Those of the weeks in which the person is off."""
        portions = portions_of(self.absences)
        return {week for week in weeks if self._is_off(week.days, portions)}

    def _is_off(self, days: Sequence[date], portions: Mapping[date, float]) -> bool:
        working_time = self.working_time
        if any(day_targets(working_time, days, self.holidays, portions)):
            return False
        if any(day_targets(working_time, days)):
            return True
        employed = [day for day in days if working_time.is_employed_on(day)]
        return bool(employed) and all(working_time.contract_on(day) for day in employed)


def portions_of(absences: Iterable[Absence]) -> dict[date, float]:
    """The part of each day that is off, at most 1."""
    portions: dict[date, float] = {}
    for absence in absences:
        for day in absence.draft.days:
            portions[day] = min(1.0, portions.get(day, 0.0) + absence.draft.portion)
    return portions


def changed_days(before: AbsenceDraft | None, after: AbsenceDraft | None) -> list[date]:
    """The days that a change touches, in order; the others may be locked."""
    old = set(before.days) if before else set()
    new = set(after.days) if after else set()
    if before and after and _is_only_moved(before, after):
        return sorted(old ^ new)
    return sorted(old | new)


def check_absence(draft: AbsenceDraft, others: Iterable[Absence]) -> None:
    """Raise `RuleBroken` if the range is not valid or a day would be off more than once."""
    if draft.last < draft.first:
        raise RuleBroken(Violation("to", "order", "The last day is before the first."))
    if len(draft.days) > MAX_ABSENCE_DAYS:
        message = f"At most {MAX_ABSENCE_DAYS} days."
        raise RuleBroken(Violation("to", "too_long", message))
    taken = portions_of(others)
    full = next((day for day in draft.days if taken.get(day, 0.0) + draft.portion > 1.0), None)
    if full is not None:
        message = f"There is another absence on {full}."
        raise RuleBroken(Violation("from", "overlap", message))


def _is_only_moved(before: AbsenceDraft, after: AbsenceDraft) -> bool:
    return (before.kind, before.portion, before.note) == (after.kind, after.portion, after.note)
