"""Predicts the result of creating, changing and deleting an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.e2e.model_driver.common_rules import AHEAD, FULL_DAY, CommonRules
from tests.e2e.model_driver.state import DAY, Draft, Entry, Outcome, refused


class EntryRules(CommonRules):
    """Entries of people, and uploaded ones that the administrator deletes."""

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
        present.version += 1
        return Outcome(200)

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


def _values(draft: Draft, *, billable: bool) -> tuple[object, ...]:
    return draft.day, draft.project, draft.minutes, draft.note, billable
