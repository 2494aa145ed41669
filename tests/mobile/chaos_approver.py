"""The approver of the fault-injection run: decisions, reopened weeks and delegates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mobile.core.changes import ChangeKind
from mobile.core.rules import ApprovalState
from mobile.viewmodels.base import SnackbarMessage, Tasks
from mobile.viewmodels.profile import ProfileModel
from tests.mobile.chaos_network import label_of
from tests.mobile.chaos_player import Player

# The length of delegations is below this, in days.
LONGEST_DELEGATION = 60


class Approver(Player):
    """Their delegates are a deputy, whom the directory knows, or somebody it does not know."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.decided: dict[str, str] = {}
        """The reason of each rejection and the id of what was rejected."""

    def _change(self) -> None:
        dice = self.chance.random()
        if dice < 0.1:
            self._settle_a_problem()
        elif dice < 0.15:
            self._change_target()
        elif dice < 0.22:
            self._change_delegate()
        elif dice < 0.5:
            self._reopen()
        else:
            self._decide()

    def _decide(self) -> None:
        outbox = self.device.outbox
        touched = {each.target for each in outbox.of_kinds((ChangeKind.DECIDE,))}
        pending = self.device.store.approvals(ApprovalState.PENDING)
        waiting = [each for each in pending if each.id not in touched]
        if not waiting:
            return
        chosen, label = self.chance.choice(waiting), self._label()
        body = {"decision": "reject", "reason": label}
        if self.chance.random() < 0.3:
            body = {"decision": "approve"}
        seq = outbox.add(
            ChangeKind.DECIDE, chosen.id, body, self.clock.now(), hold_until=self._held()
        )
        if "reason" in body:
            self.meant.add(label)
            self.decided[label] = chosen.id
            if self.chance.random() < 0.2 and outbox.cancel(seq):
                self.given_up.add(label)

    def _reopen(self) -> None:
        touched = {each.target for each in self.device.outbox.of_kinds((ChangeKind.REOPEN,))}
        approved = [
            each
            for each in self.device.store.approvals(ApprovalState.APPROVED)
            if f"{each.person} {each.week}" not in touched
        ]
        if not approved:
            return
        chosen = self.chance.choice(approved)
        body = {"person": chosen.person, "reason": self._label()}
        self.device.outbox.add(
            ChangeKind.REOPEN,
            f"{chosen.person} {chosen.week}",
            body,
            self.clock.now(),
            weeks=[chosen.week],
            hold_until=self._held(),
        )
        self.steps[ChangeKind.REOPEN, chosen.week] += 1

    def _held(self) -> float:
        return self.clock.now().timestamp() + 5

    def _change_delegate(self) -> None:
        """Appoint one for days of its own, or remove it; some of it is undone at once."""
        messages: list[SnackbarMessage] = []
        model = ProfileModel(self.workspace, self.clock, Tasks(), messages.append)
        dice = self.chance.random()
        if dice < 0.3:
            model.clear_delegate()
            label = "delete delegate"
        else:
            self._number += 1
            days, length = divmod(self._number, LONGEST_DELEGATION)
            since = self.today + timedelta(days=days)
            until = since + timedelta(days=length)
            person = deputy_of(self.device.database.person) if dice < 0.9 else "auth0|unknown"
            model.set_delegate(person, None, since, until)
            label = label_of("PUT", "", {"person": person, "from": since, "to": until})
        undo = messages[0].undo
        if undo is not None and self.chance.random() < 0.2:
            undo()
        else:
            self.meant.add(label)


def deputy_of(person: str) -> str:
    return f"{person}-deputy"
