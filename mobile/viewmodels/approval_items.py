"""A week that waits for a decision, with the decision made here laid over it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from mobile.core.changes import Change
from mobile.core.rules import ApprovalState
from mobile.core.wire import Approval


class Grouping(StrEnum):
    """The ways to group approvals."""

    NONE = "none"
    WEEK = "week"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Item:
    """`waiting`: decided here, and the server does not know it yet."""

    approval: Approval
    waiting: bool = False
    failed: bool = False

    @property
    def name(self) -> str:
        """The person's name, or their `sub`."""
        return self.approval.person_name or self.approval.person

    @property
    def clean(self) -> bool:
        """Whether there is nothing unusual about the week."""
        return not self.approval.flags


@dataclass(frozen=True, slots=True)
class Section:
    """A group of the list; `title` is a week or a name, empty without grouping."""

    title: str
    items: tuple[Item, ...]


def item_of(approval: Approval, decisions: dict[str, Change]) -> Item:
    """The approval with the decision on it that waits to be sent."""
    reopening = decisions.get(f"{approval.person} {approval.week}")
    if reopening is not None and approval.state is ApprovalState.APPROVED:
        failed = reopening.failure is not None
        return Item(approval, waiting=not failed, failed=failed)
    change = decisions.get(approval.id)
    if change is None:
        return Item(approval)
    if change.failure is not None:
        return Item(approval, failed=True)
    approved = change.body["decision"] == "approve"
    state = ApprovalState.APPROVED if approved else ApprovalState.REJECTED
    return Item(replace(approval, state=state, reason=change.body.get("reason")), waiting=True)
