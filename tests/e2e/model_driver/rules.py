"""Predicts the outcome of each request and its effect, as the contract has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from libs.rules.calendar import Week
from tests.e2e.model_driver.state import (
    DATED,
    DAY,
    Absence,
    Approval,
    Contract,
    Draft,
    Entry,
    Outcome,
    Person,
    Sheet,
    State,
    refused,
    total,
)

ADMINISTRATOR = "ada"
FULL_DAY = 1440
AHEAD = 31
LONGEST_ABSENCE = 366


class Rules:
    """Applies requests to the state as the services should."""

    def __init__(self, state: State) -> None:
        self.state = state

    def barred(self, actor: str) -> Outcome | None:
        someone = self.state.people.get(actor)
        if someone is not None and not someone.active:
            return refused(403, "inactive")
        return None

    def manages(self, actor: str, person: str) -> bool:
        """Whether the actor may act for the person."""
        boss = self.state.people.get(actor)
        managed = self.state.people[person].manager == actor
        return actor == ADMINISTRATOR or (managed and boss is not None and boss.active)

    # Entries

    def lock(self, person: str, day: date) -> str | None:
        """Why the day cannot change."""
        state = self.state.sheet(person, day).state
        if state != "open":
            return state
        return "closed" if self.state.is_closed(day) else None

    def post(self, person: str, entry_id: str, draft: Draft) -> Outcome:
        if barred := self.barred(person):
            return barred
        present = self._own(person, entry_id)
        if present is None:
            return self._create(person, entry_id, draft)
        billable = present.billable if draft.billable is None else draft.billable
        same = present.values == _values(draft, billable=billable)
        return Outcome(200) if same else refused(409)

    def put(self, person: str, entry_id: str, draft: Draft) -> Outcome:
        if barred := self.barred(person):
            return barred
        present = self._own(person, entry_id)
        if present is None:
            return self._create(person, entry_id, draft)
        return self._replace(present, draft)

    def patch(self, person: str, entry_id: str, changes: dict[str, Any]) -> Outcome:
        if barred := self.barred(person):
            return barred
        present = self._own(person, entry_id)
        if present is None:
            return refused(404)
        draft = replace(
            Draft(present.day, present.project, present.minutes, present.note, present.billable),
            **changes,
        )
        if draft.project != present.project and "billable" not in changes:
            draft = replace(draft, billable=None)
        return self._replace(present, draft)

    def delete(self, person: str, entry_id: str) -> Outcome:
        if barred := self.barred(person):
            return barred
        present = self._own(person, entry_id)
        if present is None:
            return refused(404)
        return self._delete(present)

    def delete_uploaded(self, person: str, entry_id: str) -> Outcome:
        """By the administrator."""
        present = self._own(person, entry_id)
        if present is None:
            return refused(404)
        if present.external_id is None:
            return refused(403, "forbidden")
        return self._delete(present)

    def _own(self, person: str, entry_id: str) -> Entry | None:
        found = self.state.entries.get(entry_id)
        return found if found is not None and found.person == person else None

    def _delete(self, present: Entry) -> Outcome:
        if lock := self.lock(present.person, present.day):
            return refused(409, lock)
        self.before_person_changes(present, deleted=True)
        del self.state.entries[present.id]
        return Outcome(204)

    def _create(self, person: str, entry_id: str, draft: Draft) -> Outcome:
        if refusal := self._check(person, draft, None):
            return refusal
        self.state.entries[entry_id] = Entry(
            entry_id, person, draft.day, draft.project, draft.minutes, draft.note,
            self.billable(draft),
        )  # fmt: skip
        return Outcome(201)

    def _replace(self, present: Entry, draft: Draft) -> Outcome:
        billable = self.billable(draft)
        if present.values == _values(draft, billable=billable):
            return Outcome(200)
        if lock := self.lock(present.person, present.day):
            return refused(409, lock)
        if refusal := self._check(present.person, draft, present):
            return refusal
        self.before_person_changes(present, deleted=False)
        present.day, present.project, present.minutes = draft.day, draft.project, draft.minutes
        present.note, present.billable = draft.note, billable
        return Outcome(200)

    def before_person_changes(self, entry: Entry, *, deleted: bool) -> None:
        """Batches remember what was sent."""

    def billable(self, draft: Draft) -> bool:
        if draft.billable is not None:
            return draft.billable
        project = self.state.projects.get(draft.project)
        return project is not None and project.billable(draft.day)

    def _check(self, person: str, draft: Draft, replaced: Entry | None) -> Outcome | None:
        state = self.state.sheet(person, draft.day).state
        if state != "open":
            return refused(409, state)
        codes = set()
        if self.state.is_closed(draft.day):
            codes.add("closed")
        elif draft.day > self.state.latest_today + DAY * AHEAD:
            codes.add("too_far_ahead")
        codes |= self._draft_errors(draft, replaced)
        others = self.state.minutes_on(person, draft.day)
        if replaced is not None and replaced.day == draft.day:
            others -= replaced.minutes
        if others + draft.minutes > FULL_DAY:
            codes.add("day_full")
        return refused(422, *codes) if codes else None

    def _draft_errors(self, draft: Draft, replaced: Entry | None) -> set[str]:
        project = self.state.projects.get(draft.project)
        if project is None:
            return {"unknown_project"}
        errors = set()
        shrinks = (
            replaced is not None
            and (replaced.project, replaced.day) == (draft.project, draft.day)
            and draft.minutes <= replaced.minutes
        )
        if not project.active and not shrinks:
            errors.add("inactive_project")
        if project.note_required and not draft.note:
            errors.add("note_required")
        return errors

    # Weeks

    def submit(self, actor: str, person: str, week: Week, submission: str) -> Outcome:
        if refusal := self._may_act(actor, person):
            return refusal
        sheet = self.state.open_sheet(person, week)
        if sheet.state != "open":
            return refused(409, sheet.state)
        if week.monday > self.state.latest_today:
            return refused(409, "open")
        targets = self.state.targets(person, week)
        flags = self._flags(actor, person, week, total(targets))
        sheet.state, sheet.submission, sheet.reason = "submitted", submission, None
        sheet.targets = targets
        entries = self.state.entries_of(person, week.days)
        self.state.approvals[submission] = Approval(
            person,
            week,
            "pending",
            sum(entry.minutes for entry in entries),
            total(targets),
            flags,
            frozenset(entry.project for entry in entries),
        )
        return Outcome(200)

    def _flags(self, actor: str, person: str, week: Week, target: int | None) -> frozenset[str]:
        state, entries = self.state, self.state.entries_of(person, week.days)
        by_day = {day: state.minutes_on(person, day) for day in week.days}
        worked = {day for day, minutes in by_day.items() if minutes}
        minutes = sum(by_day.values())
        known = state.people[person].approved_projects
        holds = {
            "over_10_hours": max(by_day.values()) > 600,
            "weekend": any(day.weekday() > 4 for day in worked),
            "holiday": any(state.is_holiday(person, day) for day in worked),
            "off_target": target is not None and abs(minutes - target) * 10 > target,
            "new_project": any(entry.project not in known for entry in entries),
            "uploaded": any(entry.external_id for entry in entries),
            "resubmitted": any(
                (each.person, each.week) == (person, week) for each in state.approvals.values()
            ),
            "submitted_for": actor != person,
            "billable_differs": any(
                entry.billable != state.projects[entry.project].billable(entry.day)
                for entry in entries
            ),
            "not_yet_worked": any(day > state.latest_today for day in worked),
        }
        return frozenset(flag for flag, does_hold in holds.items() if does_hold)

    def withdraw(self, person: str, week: Week) -> Outcome:
        if barred := self.barred(person):
            return barred
        sheet = self.state.open_sheet(person, week)
        if sheet.state != "submitted":
            return refused(409, sheet.state)
        self.state.approvals[str(sheet.submission)].state = "withdrawn"
        _open(sheet, None)
        return Outcome(200)

    def reopen(self, actor: str, person: str, week: Week, reason: str) -> Outcome:
        if barred := self.barred(actor):
            return barred
        if not self.manages(actor, person):
            return refused(404)
        sheet = self.state.open_sheet(person, week)
        if sheet.state != "approved":
            return refused(409, sheet.state)
        if self.state.is_closed(week.monday):
            return refused(409, "closed")
        _open(sheet, reason)
        return Outcome(200)

    def decide(self, actor: str, submission: str, decision: str, reason: str | None) -> Outcome:
        if barred := self.barred(actor):
            return barred
        approval = self.state.approvals[submission]
        outcome = "approved" if decision == "approve" else "rejected"
        present = approval.state, approval.decided_by, approval.reason
        if present == (outcome, actor, reason):
            return Outcome(200)
        if approval.person == actor:
            return refused(403, "forbidden")
        may_decide = self.manages(actor, approval.person)
        if not may_decide and approval.decided_by != actor:
            return refused(404)
        if not may_decide or approval.state != "pending":
            return refused(409, approval.state)
        if decision == "reject" and self.state.is_closed(approval.week.monday):
            return refused(409, "closed")
        approval.state, approval.decided_by, approval.reason = outcome, actor, reason
        sheet = self.state.open_sheet(approval.person, approval.week)
        if decision == "approve":
            sheet.state, sheet.late = "approved", self.state.is_closed(approval.week.monday)
            self.state.people[approval.person].approved_projects |= approval.projects
        else:
            _open(sheet, reason)
        return Outcome(200)

    def _may_act(self, actor: str, person: str) -> Outcome | None:
        if barred := self.barred(actor):
            return barred
        if actor != person and not self.manages(actor, person):
            return refused(404)
        return None

    # Calendar

    def put_absence(self, actor: str, person: str, absence_id: str, absence: Absence) -> Outcome:
        if refusal := self._may_act(actor, person):
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
        if refusal := self._may_act(actor, person):
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

    # Administration

    def close(self, day: date | None, reason: str | None) -> Outcome:
        if day is not None and day >= self.state.today:
            return refused(422, "not_over")
        present = self.state.closed
        if present is not None and (day is None or day < present) and not reason:
            return refused(422, "required")
        self.state.closed = day
        return Outcome(200)

    def patch_project(self, code: str, changes: dict[str, Any], since: date | None) -> Outcome:
        project, first = self.state.projects[code], since or self.state.today
        dated = {name: changes[name] for name in DATED if name in changes}
        changed = {name: new for name, new in dated.items() if new != project.value(name, first)}
        if changed and self.state.is_closed(first):
            return refused(422, "closed")
        for name, value in changed.items():
            project.change(name, value, first)
        project.active = changes.get("active", project.active)
        project.note_required = changes.get("note_required", project.note_required)
        return Outcome(200)

    def patch_person(self, person: str, changes: dict[str, Any]) -> Outcome:
        present: Person = self.state.people[person]
        since, until = changes.get("since", present.since), changes.get("until", present.until)
        if since is not None and until is not None and until < since:
            return refused(422, "order")
        for name, value in changes.items():
            setattr(present, name, value)
        return Outcome(200)

    def put_contract(self, person: str, since: date, contract: Contract) -> Outcome:
        known = self.state.people[person].contracts
        is_new = since not in known
        known[since] = contract
        return Outcome(201 if is_new else 200)

    def delete_contract(self, person: str, since: date) -> Outcome:
        if self.state.people[person].contracts.pop(since, None) is None:
            return refused(404)
        return Outcome(204)


def _open(sheet: Sheet, reason: str | None) -> None:
    sheet.state, sheet.submission, sheet.reason = "open", None, reason
    sheet.targets, sheet.late = None, False


def _values(draft: Draft, *, billable: bool) -> tuple[object, ...]:
    return draft.day, draft.project, draft.minutes, draft.note, billable


def _changed_days(before: Absence | None, after: Absence) -> set[date]:
    """A day that stays as it is may be locked."""
    new = set(after.days)
    if before is None:
        return new
    old = set(before.days)
    if (before.kind, before.portion) == (after.kind, after.portion):
        return old ^ new
    return old | new
