"""Words for the values of the API's enumerations; an unknown one is shown as it is."""

from __future__ import annotations

from portal.i18n import _

__all__ = [
    "absence_kind",
    "batch_state",
    "decision_role",
    "flag",
    "history_event",
    "kind_of_person",
]


def absence_kind(kind: str) -> str:
    names = {
        "vacation": _("Vacation"),
        "sick": _("Sick leave"),
        "parental": _("Parental leave"),
        "unpaid": _("Unpaid leave"),
        "training": _("Training"),
        "other": _("Other absence"),
    }
    return names.get(kind, kind)


def flag(name: str) -> str:
    names = {
        "over_10_hours": _("over 10 h"),
        "weekend": _("weekend"),
        "holiday": _("holiday"),
        "off_target": _("off target"),
        "new_project": _("new project"),
        "uploaded": _("uploaded"),
        "resubmitted": _("resubmitted"),
        "submitted_for": _("submitted by somebody else"),
        "billable_differs": _("billable differs"),
        "not_yet_worked": _("not yet worked"),
    }
    return names.get(name, name)


def history_event(event: str) -> str:
    names = {
        "submitted": _("Submitted"),
        "withdrawn": _("Withdrawn"),
        "approved": _("Approved"),
        "rejected": _("Rejected"),
        "reopened": _("Reopened"),
        "void": _("Decision void"),
    }
    return names.get(event, event)


def kind_of_person(kind: str) -> str:
    return {"employee": _("Employee"), "contractor": _("Contractor")}.get(kind, kind)


def decision_role(why: str) -> str:
    names = {
        "manager": _("You are the manager"),
        "delegate": _("You stand in for the manager"),
        "administrator": _("You are an administrator"),
        "unassigned": _("Nobody is assigned"),
    }
    return names.get(why, why)


def batch_state(state: str) -> str:
    names = {
        "applied": _("Applied"),
        "refused": _("Refused"),
        "dry_run": _("Dry run"),
        "undone": _("Undone"),
    }
    return names.get(state, state)
