"""Approvals as the structs that answers are made of."""

from __future__ import annotations

from typing import Any

from libs.web.resources import fill
from services.approvals import chain
from services.approvals.commands import approvals as commands
from services.approvals.model import Authority, Caller, Today, approver_of, authority_of
from services.approvals.schemas.approvals import Approval, ApprovalDetails, Step
from services.approvals.schemas.overdue import Overdue
from services.approvals.store.approvals import ApprovalWithContext
from services.approvals.store.overdue import OverdueWeek


def serialize_approval(found: ApprovalWithContext, authority: Authority | None) -> Approval:
    """An approval without its entries and its history; `authority` is the caller's."""
    return fill(Approval, found.approval, **_shown(found, authority))


def serialize_details(details: commands.ApprovalDetails) -> ApprovalDetails:
    """An approval with what was submitted and its history."""
    submitted = details.submitted
    return fill(
        ApprovalDetails,
        details.found.approval,
        **_shown(details.found, details.authority),
        entries=submitted.entries,
        absences=submitted.absences,
        holidays=submitted.holidays,
        history=[serialize_step(step) for step in details.history],
    )


def serialize_step(step: chain.Step) -> Step:
    """A row of the history with its digest, which anybody can compute from the rest."""
    return Step(**step.facts, sha256=step.sha256)


def serialize_overdue(missing: OverdueWeek, caller: Caller, today: Today) -> Overdue:
    """A week that is missing, with who should remind the person."""
    authority = authority_of(missing.person, missing.manager, caller, today)
    return fill(
        Overdue,
        missing,
        week=str(missing.week),
        days_late=(today.first - missing.week.sunday).days,
        approver=approver_of(missing.person, missing.manager),
        acting_for=authority.acting_for if authority else None,
        why=authority.why if authority else None,
    )


def _shown(found: ApprovalWithContext, authority: Authority | None) -> dict[str, Any]:
    """The members that are not simply fields of the approval."""
    approval = found.approval
    is_decided = approval.decided_by is not None
    present = authority if not is_decided else None
    return {
        "submission_id": approval.id,
        "person_name": found.person_name,
        "week": str(approval.week),
        "by_day": {day: approval.by_day.get(day, 0) for day in approval.week.days},
        "submitted_by": approval.submitted_by or approval.person,
        "approver": approver_of(approval.person, found.manager),
        "acting_for": present.acting_for if present else approval.acting_for,
        "why": present.why if present else approval.why,
    }
