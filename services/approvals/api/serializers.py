"""Rows as the JSON that design section 5 names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from services.approvals.chain import Step
from services.approvals.model import Standing, Today, approver_of, flags_of
from services.approvals.store.approvals import Case
from services.approvals.store.overdue import Missing

Json = dict[str, Any]


def serialize_summary(case: Case, standing: Standing | None) -> Json:
    """An approval without its entries and its history.

    `standing` is the caller's; `why` and `acting_for` of a decision are the decider's.
    """
    approval = case.approval
    decided = approval.decided_by is not None
    present = standing if not decided else None
    return {
        "id": approval.id,
        "submission_id": approval.id,
        "person": approval.person,
        "person_name": case.person_name,
        "week": str(approval.week),
        "state": approval.state,
        "total_minutes": approval.total_minutes,
        "by_day": {day: approval.by_day.get(day, 0) for day in approval.week.days},
        "by_project": approval.by_project,
        "submitted_at": approval.submitted_at,
        "decided_by": approval.decided_by,
        "decided_at": approval.decided_at,
        "reason": approval.reason,
        "approver": approver_of(approval.person, case.manager),
        "acting_for": present.acting_for if present else approval.acting_for,
        "why": present.why if present else approval.why,
        "flags": flags_of(approval, case.target_minutes),
        "reopened": approval.reopened,
        "version": approval.version,
    }


def serialize_approval(summary: Json, entries: msgspec.Raw, history: Sequence[Step]) -> Json:
    return {**summary, "entries": entries, "history": [serialize_step(step) for step in history]}


def serialize_step(step: Step) -> Json:
    """A line of the history with its digest, which anybody can compute from the rest."""
    return {**step.facts, "sha256": step.sha256}


def serialize_missing(missing: Missing, standing: Standing | None, today: Today) -> Json:
    return {
        "person": missing.person,
        "person_name": missing.person_name,
        "week": str(missing.week),
        "days_late": (today.first - missing.week.sunday).days,
        "approver": approver_of(missing.person, missing.manager),
        "acting_for": standing.acting_for if standing else None,
        "why": standing.why if standing else None,
    }
