"""Predicts the result of closing days, and of changing projects, people and contracts."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.e2e.model_driver.common_rules import CommonRules
from tests.e2e.model_driver.state import DATED, Contract, Outcome, Person, refused


class AdminRules(CommonRules):
    """The requests of the administrator."""

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
        active = changes.get("active", project.active)
        note_required = changes.get("note_required", project.note_required)
        at_once = (active, note_required) != (project.active, project.note_required)
        if at_once and first > self.state.today:
            return refused(422, "undated")
        dated = {name: changes[name] for name in DATED if name in changes}
        changed = {name: new for name, new in dated.items() if new != project.value(name, first)}
        if changed and self.state.is_closed(first):
            return refused(422, "closed")
        for name, value in changed.items():
            project.change(name, value, first)
        project.active, project.note_required = active, note_required
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
