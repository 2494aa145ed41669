"""The history of an approval as a chain, so that a changed past shows.

A step's digest is the SHA-256 of its canonical form: `facts` as JSON in UTF-8, members in the
order of their names, no white space. `previous` is the digest of the step before and part of the
form, so a step cannot change without every later one. The last digest is kept with the approval.
Anybody who reads a history can compute the same.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from services.approvals.model import Approval, DecisionRole, State

FIRST_PREVIOUS = "0" * 64
_canonical_json = msgspec.json.Encoder(order="sorted").encode


class StepKind(StrEnum):
    """The action that a row of the history records."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    VOID = "void"
    REOPENED = "reopened"


LEADS_TO = {
    StepKind.SUBMITTED: State.PENDING,
    StepKind.APPROVED: State.APPROVED,
    StepKind.REJECTED: State.REJECTED,
    StepKind.WITHDRAWN: State.WITHDRAWN,
    StepKind.VOID: State.WITHDRAWN,
    StepKind.REOPENED: State.APPROVED,
}


class Step(NamedTuple):
    """A row of a history: an event with its actor, time, role and totals."""

    submission_id: uuid.UUID
    person: str
    week: str
    number: int
    event: StepKind
    at: datetime
    actor: str
    acting_for: str | None
    why: DecisionRole | None
    reason: str | None
    total_minutes: int
    by_day: Mapping[str, int]
    by_project: Mapping[str, int]
    previous: str

    @property
    def facts(self) -> dict[str, Any]:
        """The row as JSON has it."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return {
            "acting_for": self.acting_for,
            "actor": self.actor,
            "at": at.replace("+00:00", "Z"),
            "by_day": self.by_day,
            "by_project": self.by_project,
            "event": self.event,
            "number": self.number,
            "person": self.person,
            "previous": self.previous,
            "reason": self.reason,
            "submission_id": str(self.submission_id),
            "total_minutes": self.total_minutes,
            "week": self.week,
            "why": self.why,
        }

    @property
    def sha256(self) -> str:
        """The digest that the next row holds: SHA-256 of the facts as JSON with sorted names."""
        return hashlib.sha256(_canonical_json(self.facts)).hexdigest()


def add_step(
    approval: Approval,
    event: StepKind,
    at: datetime,
    actor: str,
    *,
    reason: str | None = None,
    acting_for: str | None = None,
    why: DecisionRole | None = None,
) -> tuple[Approval, Step]:
    """The approval as its next version, and the step that made it so."""
    step = Step(
        submission_id=approval.id,
        person=approval.person,
        week=str(approval.week),
        number=approval.steps + 1,
        event=event,
        at=at,
        actor=actor,
        acting_for=acting_for,
        why=why,
        reason=reason,
        total_minutes=approval.total_minutes,
        by_day={day.isoformat(): minutes for day, minutes in approval.by_day.items()},
        by_project=approval.by_project,
        previous=approval.head or FIRST_PREVIOUS,
    )
    version = approval.version + 1
    return approval._replace(steps=step.number, head=step.sha256, version=version), step


def first_break(approval: Approval, steps: Sequence[Step]) -> str | None:
    """The first fault of the history, in words; None if it is as written."""
    return next(_breaks(approval, steps), None)


def _breaks(approval: Approval, steps: Sequence[Step]) -> Iterator[str]:
    previous = FIRST_PREVIOUS
    by_day = {str(day): minutes for day, minutes in approval.by_day.items()}
    week = str(approval.week)
    here = (approval.id, approval.person, week, approval.total_minutes, by_day, approval.by_project)
    for number, step in enumerate(steps, start=1):
        if step.number != number:
            yield f"row {number} is missing"
        if step.previous != previous:
            yield f"row {number - 1} is not the one that row {number} was written after"
        about = (step.submission_id, step.person, step.week, step.total_minutes)
        if (*about, step.by_day, step.by_project) != here:
            yield f"row {number} has another person, week or total than the approval"
        previous = step.sha256
    if len(steps) != approval.steps:
        yield f"row {len(steps) + 1} is missing"
    if previous != approval.head:
        yield f"row {len(steps)} is not the one that was written last"
    if not _is_where(approval, steps):
        yield f"row {len(steps)} does not lead to what the approval says now"


def _is_where(approval: Approval, steps: Sequence[Step]) -> bool:
    decisions = [step for step in steps if step.event in (StepKind.APPROVED, StepKind.REJECTED)]
    decided = tuple(
        (step.actor, step.at, step.reason, step.acting_for) for step in decisions[-1:]
    ) or ((None, None, None, None),)
    here = (approval.decided_by, approval.decided_at, approval.reason, approval.acting_for)
    leads_to = LEADS_TO[steps[-1].event] if steps else None
    return leads_to is approval.state and decided == (here,)
