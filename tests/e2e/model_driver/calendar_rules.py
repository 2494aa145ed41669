"""Predicts the result of changing absences and company days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tests.e2e.model_driver.common_rules import CommonRules
from tests.e2e.model_driver.state import Absence, Outcome, refused

LONGEST_ABSENCE = 366


class CalendarRules(CommonRules):
    """Days off of people and of the company."""

    def put_absence(self, actor: str, person: str, absence_id: str, absence: Absence) -> Outcome:
        if refusal := self.may_act(actor, person):
            return refusal
        known = self.state.people[person].absences
        present = known.get(absence_id)
        if present == absence:
            return Outcome(200)
        if absence.last < absence.first:
            return refused(422, "order")
        if len(absence.days) > LONGEST_ABSENCE:
            return refused(422, "too_long")
        if lock := self._first_lock(person, _changed_days(present, absence)):
            return refused(409, lock)
        others = [each for key, each in known.items() if key != absence_id]
        for day in absence.days:
            off = sum(each.portion for each in others if each.first <= day <= each.last)
            if off + absence.portion > 1:
                return refused(422, "overlap")
        known[absence_id] = absence
        return Outcome(200 if present else 201)

    def delete_absence(self, actor: str, person: str, absence_id: str) -> Outcome:
        if refusal := self.may_act(actor, person):
            return refusal
        present = self.state.people[person].absences.get(absence_id)
        if present is None:
            return refused(404)
        if lock := self._first_lock(person, present.days):
            return refused(409, lock)
        del self.state.people[person].absences[absence_id]
        return Outcome(204)

    def _first_lock(self, person: str, days: Iterable[date]) -> str | None:
        return next((lock for day in sorted(days) if (lock := self.lock(person, day))), None)

    def company_day(self, day: date, *, is_off: bool) -> Outcome:
        """Whether the day is off for the company from now on."""
        if self.state.is_closed(day):
            return refused(409, "closed")
        known = day in self.state.company_days
        if is_off:
            self.state.company_days.add(day)
            return Outcome(200 if known else 201)
        self.state.company_days.discard(day)
        return Outcome(204) if known else refused(404)


def _changed_days(before: Absence | None, after: Absence) -> set[date]:
    """A day that stays as it is may be locked."""
    new = set(after.days)
    if before is None:
        return new
    old = set(before.days)
    if (before.kind, before.portion) == (after.kind, after.portion):
        return old ^ new
    return old | new
