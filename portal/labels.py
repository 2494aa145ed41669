"""Words for the values of the API's enumerations; an unknown one is shown as it is."""

from __future__ import annotations

from portal.i18n import _

__all__ = [
    "absence_kind",
    "batch_state",
    "change",
    "decision_role",
    "flag",
    "history_event",
    "kind_of_person",
]


def absence_kind(kind: str) -> str:
    """The name of a kind of absence; a kind that is not known here is shown as it is."""
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
    """The name of an approval's flag; a flag that is not known here is shown as it is."""
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
    """The name of an event in a week's history; one that is not known here is shown as it is."""
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
    """The name of a kind of person; a kind that is not known here is shown as it is."""
    return {"employee": _("Employee"), "contractor": _("Contractor")}.get(kind, kind)


def decision_role(why: str) -> str:
    """Why the reader may decide an approval; a reason that is not known here is shown as it is."""
    names = {
        "manager": _("You are the manager"),
        "delegate": _("You stand in for the manager"),
        "administrator": _("You are an administrator"),
        "unassigned": _("Nobody is assigned"),
    }
    return names.get(why, why)


def batch_state(state: str) -> str:
    """The name of a batch's state; a state that is not known here is shown as it is."""
    names = {
        "applied": _("Applied"),
        "refused": _("Refused"),
        "dry_run": _("Dry run"),
        "undone": _("Undone"),
    }
    return names.get(state, state)


def change(kind: str, action: str) -> str:
    """A row of the change log; kinds and actions that are not known here are shown as they are."""
    kinds = {
        "absence": _("Absence"),
        "approval": _("Approval"),
        "batch": _("Batch"),
        "contract": _("Contract"),
        "entry": _("Entry"),
        "holiday": _("Holiday"),
        "period": _("Period"),
        "person": _("Person"),
        "project": _("Project"),
        "timesheet": _("Week"),
    }
    actions = {
        "approved": _("approved"),
        "changed": _("changed"),
        "created": _("created"),
        "deleted": _("deleted"),
        "rejected": _("rejected"),
        "removed": _("removed"),
        "reopened": _("reopened"),
        "submitted": _("submitted"),
        "undone": _("undone"),
        "updated": _("changed"),
    }
    return f"{kinds.get(kind, kind)} {actions.get(action, action)}"
