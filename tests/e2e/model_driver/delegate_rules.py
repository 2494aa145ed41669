"""Predicts who decides a week, delegates included, and the result of appointing one."""

from __future__ import annotations

from tests.e2e.model_driver.common_rules import ADMINISTRATOR, CommonRules
from tests.e2e.model_driver.state import Authority, Delegation, Outcome, refused

MANAGERS = ("maya", "marco")
LONGEST_DELEGATION = 366


class DelegateRules(CommonRules):
    """Managers, and those who decide in their place."""

    def appoint(self, actor: str, delegation: Delegation) -> Outcome:
        if barred := self.barred(actor):
            return barred
        if self._delegation(actor) == delegation:
            return Outcome(200)
        codes = {self._delegate_error(actor, delegation.person), self._range_error(delegation)}
        if found := {code for code in codes if code is not None}:
            return refused(422, *found)
        self.state.people[actor].delegation = delegation
        return Outcome(200)

    def remove_delegate(self, actor: str) -> Outcome:
        if barred := self.barred(actor):
            return barred
        if self._delegation(actor) is None:
            return refused(404)
        self.state.people[actor].delegation = None
        return Outcome(204)

    def authority(self, actor: str, person: str) -> Authority | None:
        """As what the actor decides weeks of the person; None: not at all."""
        manager = self.state.people[person].manager
        boss = self.state.people[manager] if manager else None
        approver = manager if boss is not None and boss.active else None
        if approver == actor:
            return Authority("manager")
        if approver is not None and self._delegate_today(approver) == actor:
            return Authority("delegate", approver)
        if actor != ADMINISTRATOR:
            return None
        return Authority("unassigned" if approver is None else "administrator")

    def is_delegate(self, actor: str, person: str) -> bool:
        """Whether the actor decides the person's weeks in place of their manager."""
        authority = self.authority(actor, person)
        return authority is not None and authority.why == "delegate"

    def _delegate_today(self, manager: str) -> str | None:
        delegation = self.state.people[manager].delegation
        if delegation is None or not self.state.people[delegation.person].active:
            return None
        holds = (
            delegation.since <= self.state.latest_today
            and delegation.until >= self.state.earliest_today
        )
        return delegation.person if holds else None

    def _delegation(self, manager: str) -> Delegation | None:
        """The present or the next one."""
        delegation = self.state.people[manager].delegation
        if delegation is None or delegation.until < self.state.earliest_today:
            return None
        return delegation

    def _delegate_error(self, actor: str, delegate: str) -> str | None:
        someone = self.state.people.get(delegate)
        if delegate == actor:
            return "oneself"
        if someone is None:
            return "unknown_person"
        if not someone.active:
            return "inactive_person"
        return "cannot_approve" if delegate not in MANAGERS else None

    def _range_error(self, delegation: Delegation) -> str | None:
        if delegation.until < delegation.since:
            return "order"
        if delegation.until < self.state.earliest_today:
            return "past"
        return "too_long" if delegation.days > LONGEST_DELEGATION else None
