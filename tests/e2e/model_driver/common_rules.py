"""Predicts what everybody may do, and which days are locked, as the contract has it."""

from __future__ import annotations

from datetime import date

from tests.e2e.model_driver.state import Entry, Outcome, State, refused

ADMINISTRATOR = "ada"
FULL_DAY = 1440
AHEAD = 31


class CommonRules:
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

    def may_act(self, actor: str, person: str) -> Outcome | None:
        if barred := self.barred(actor):
            return barred
        if actor != person and not self.manages(actor, person):
            return refused(404)
        return None

    def lock(self, person: str, day: date) -> str | None:
        """Why the day cannot change."""
        state = self.state.sheet(person, day).state
        if state != "open":
            return state
        return "closed" if self.state.is_closed(day) else None

    def before_person_changes(self, entry: Entry, *, deleted: bool) -> None:
        """Batches remember what was sent."""
