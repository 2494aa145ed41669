"""Predicts the result of undoing a batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date

from tests.e2e.model_driver.batch_rules import BatchRules, Changes
from tests.e2e.model_driver.common_rules import FULL_DAY
from tests.e2e.model_driver.state import Entry, Outcome, State, refused


@dataclass(slots=True)
class Batch:
    """`changes` is None if nothing was applied. `undone`: how many were removed, restored, kept."""

    changes: Changes | None
    undone: tuple[int, int, int] | None = None


class UndoRules(BatchRules):
    """Takes back what a batch did and nobody changed since."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.batches: dict[str, Batch] = {}

    def undo(self, batch_id: str) -> Outcome:
        batch = self.batches[batch_id]
        if batch.undone is not None:
            return Outcome(200)
        changes = batch.changes
        if changes is None or not (changes.created or changes.updated or changes.removed):
            return refused(409)
        created = [each for each in changes.created if each.id in self.state.entries]
        removed = [each for each in created if self._can_remove(each)]
        changed = changes.updated + changes.removed
        restored = [each for each in changes.updated if self._can_take_back(each)]
        restored += [each for each in changes.removed if self._can_bring_back(each)]
        if self._fills_a_day(removed, restored):
            return refused(409)
        for entry in removed:
            del self.state.entries[entry.id]
        for before in restored:
            present = self.state.entries.get(before.id)
            version = present.version + 1 if present else before.version
            self.state.entries[before.id] = replace(before, version=version)
        kept = len(created) + len(changed) - len(removed) - len(restored)
        batch.undone = len(removed), len(restored), kept
        return Outcome(200)

    def _can_remove(self, created: Entry) -> bool:
        """It is as it was created, and its day is open."""
        present = self.state.entries[created.id]
        return present.version == 1 and not self.lock(present.person, present.day)

    def _can_take_back(self, before: Entry) -> bool:
        """`before` has the version that the update led to."""
        present = self.state.entries.get(before.id)
        if present is None or present.version != before.version:
            return False
        return not self.lock(present.person, present.day) and self._can_have(before)

    def _can_bring_back(self, before: Entry) -> bool:
        """It does not exist again, and its row was not sent again since."""
        exists = any(e.external_id == before.external_id for e in self.state.entries.values())
        return not exists and before.external_id not in self.sent and self._can_have(before)

    def _can_have(self, before: Entry) -> bool:
        is_open = not self.lock(before.person, before.day)
        return is_open and self.state.projects[before.project].active

    def _fills_a_day(self, removed: list[Entry], restored: list[Entry]) -> bool:
        minutes: Counter[tuple[str, date]] = Counter()
        gone = [*removed, *(e for each in restored if (e := self.state.entries.get(each.id)))]
        for entry in gone:
            minutes[entry.person, entry.day] -= entry.minutes
        for entry in restored:
            minutes[entry.person, entry.day] += entry.minutes
        return any(
            added > 0 and self.state.minutes_on(*key) + added > FULL_DAY
            for key, added in minutes.items()
        )
