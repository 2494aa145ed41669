"""A description and an example for each name of the wire contract.

One word means one thing everywhere, so a name is described once. Schemas may say more: a
description of their own wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Note(NamedTuple):
    """The meaning of a field name."""

    description: str
    example: Any


_PERSON = "auth0|erin"
_WEEK = "2026-W48"
_DAY = "2026-11-23"
_MOMENT = "2026-11-27T15:04:05Z"
_UUID = "6a1f0a52-3c5e-4d0e-9f6c-2b7a5d7f3c11"

NOTES: Mapping[str, Note] = MappingProxyType(
    {
        "acting_for": Note("The manager whom the decider stands in for.", "auth0|marco"),
        "active": Note("Whether it is in use; inactive people are refused everywhere.", True),
        "absence": Note("The absence of the day.", "vacation"),
        "absences": Note("The absences that touch the week.", []),
        "action": Note("The action.", "updated"),
        "actor": Note("The `sub` or client id that did it.", "auth0|maya"),
        "after": Note("The values after the change.", {}),
        "approved_since": Note("Only weeks approved after this cursor.", "0"),
        "approver": Note("The manager who decides; null: an administrator.", "auth0|maya"),
        "at": Note("When it happened, RFC 3339 in UTC.", _MOMENT),
        "before": Note("The values before the change.", {}),
        "billable": Note("Whether it is billed; null means the project's default.", True),
        "billable_minutes": Note("The billable minutes.", 450),
        "bom": Note("Whether the CSV starts with a byte-order mark.", True),
        "by_day": Note("Minutes by ISO date.", {_DAY: 480}),
        "by_project": Note("Minutes by project code.", {"BIG-WEB": 480}),
        "calendar": Note("The holiday calendar, a code such as DE-BY.", "DE-BY"),
        "can_edit": Note("Whether it can be changed now.", True),
        "can_submit": Note("Whether the week can be submitted now.", True),
        "can_withdraw": Note("Whether the week can be withdrawn now.", False),
        "changed_by": Note("The person who changed an uploaded entry afterwards.", _PERSON),
        "client": Note("The client id of the application.", "timesheets-app"),
        "closed_through": Note("The last closed day.", "2026-10-31"),
        "code": Note("A short, stable code.", "BIG-WEB"),
        "complete": Note("The file holds everything of these days.", "2026-11-01..2026-11-30"),
        "contracts": Note("The contracts of the person, oldest first.", []),
        "created": Note("Rows that created an entry.", 12),
        "created_at": Note("When it was created, RFC 3339 in UTC.", _MOMENT),
        "cursor": Note("The end of the previous page: `next` of that page.", "WyIyMDI2LTExLTIzIl0"),
        "customer": Note("The customer the project is billed to.", "Big Company"),
        "data": Note("The data of the event.", {}),
        "date": Note("An ISO date without a zone.", _DAY),
        "days": Note("The days of the week.", []),
        "days_late": Note("Days since the end of the week.", 3),
        "decided_at": Note("When it was decided, RFC 3339 in UTC.", _MOMENT),
        "decided_by": Note("The person who decided.", "auth0|maya"),
        "decision": Note("The decision.", "approved"),
        "delegate": Note("The person who stands in for them.", None),
        "delegated_by": Note("For whom the person stands in.", []),
        "deleted": Note("Whether the row removes its entry.", True),
        "detail": Note("The error in a sentence.", "This field is required."),
        "dry_run": Note("Report what would happen and change nothing.", True),
        "email": Note("The e-mail address.", "erin@exampleco.com"),
        "employer": Note("The company that employs the person.", "Northern Staffing"),
        "entries": Note("The entries.", []),
        "errors": Note("The error in each field, or the address of a batch's errors.", []),
        "event": Note("The action.", "submitted"),
        "exists": Note("Whether the entry exists now.", True),
        "external_id": Note("The row's id in the client's system, unique for the client.", "4711"),
        "external_ids": Note("The person's ids in other systems.", {"payroll": "P-4711"}),
        "failed": Note("Rows that were refused.", 0),
        "field": Note("The field concerned.", "minutes"),
        "flags": Note("Unusual things about the week.", ["weekend"]),
        "format": Note("The format of the answer.", "csv"),
        "from": Note("The first day.", _DAY),
        "from_week": Note("The week to copy from.", "2026-W47"),
        "group_by": Note("The groups of totals, separated by commas.", "project,week"),
        "has_contract": Note("Whether the person has a contract.", True),
        "history": Note("The actions, oldest first.", []),
        "holiday": Note("The name of the holiday.", "New Year's Day"),
        "holidays": Note("The holidays of the week.", []),
        "id": Note("The id.", _UUID),
        "ids": Note("The ids.", [_UUID]),
        "instance": Note("The address of the request.", "/v1/entries"),
        "items": Note("The items of the page.", []),
        "kind": Note("The kind.", "employee"),
        "late": Note("Whether it was approved after its period was closed.", False),
        "limit": Note("The most items of a page.", 50),
        "limits": Note("The limits of entries.", {}),
        "line": Note("The line of the file, counted from 1.", 2),
        "locale": Note("A language tag of BCP 47.", "en"),
        "location": Note("The part of the request: body, query, path or header.", "body"),
        "lock_reason": Note("Why it cannot change: submitted, approved or closed.", "submitted"),
        "manager": Note("The `sub` of the manager.", "auth0|maya"),
        "manager_name": Note("The name of the manager.", "Maya Manager"),
        "max_days_ahead": Note("The number of days ahead on which hours can be logged.", 31),
        "max_minutes_a_day": Note("The most minutes of a day.", 1440),
        "max_note_length": Note("The most characters of a note.", 2000),
        "max_page": Note("The most items of a page.", 200),
        "max_task_length": Note("The most characters of a task.", 200),
        "message": Note("The error in a sentence.", "This field is required."),
        "minutes": Note("Whole minutes.", 90),
        "name": Note("The name.", "Erin Employee"),
        "next": Note(
            "The address of the next page; null on the last one.",
            "/v1/entries?cursor=WyIyMDI2LTExLTIzIl0",
        ),
        "note": Note("A note.", "Sprint planning"),
        "note_required": Note("Whether entries need a note.", False),
        "number": Note("The number of the step, counted from 1.", 1),
        "on_error": Note("`skip` applies the valid rows; by default all or nothing.", "skip"),
        "overdue": Note("The number of overdue weeks; null after the first page.", 2),
        "person": Note("The `sub` of the person.", _PERSON),
        "person_name": Note("The name of the person.", "Erin Employee"),
        "pointer": Note("A JSON Pointer (RFC 6901) to the field.", "/minutes"),
        "portion": Note("1 for whole days, 0.5 for half days.", 1),
        "previous": Note("The SHA-256 of the row before.", "0" * 64),
        "previous_reason": Note("Why the previous submission was rejected.", "Wrong project"),
        "problem": Note("Why this item was refused.", None),
        "project": Note("The code of the project.", "BIG-WEB"),
        "q": Note("Beginnings of words of the name or the e-mail address.", "erin"),
        "reason": Note("Why, in a sentence.", "Wrong project"),
        "reminders": Note("Whether to send reminders by e-mail.", True),
        "removed": Note("Entries that the batch removed.", 0),
        "reopened": Note("Whether the week was reopened later.", False),
        "request_id": Note("Names the request in the log.", "ebd51b983db15cbeb1fae480858d10fa"),
        "revoked_before": Note("Tokens issued earlier are refused.", _MOMENT),
        "row": Note("The row of the file.", {}),
        "rows": Note("The rows of the file.", 12),
        "sequence": Note("The number of the row in its log.", 42),
        "same_email_as": Note("Another account with this e-mail address.", "auth0|erin2"),
        "scopes": Note("The scopes of the caller.", ["read:timesheets"]),
        "sha256": Note("The SHA-256 of the row.", "0" * 64),
        "since": Note("The first day in the company.", "2026-01-01"),
        "skipped": Note("The entries that could not be copied, with reasons.", []),
        "source": Note("The origin of the entry.", "app"),
        "state": Note("The state.", "open"),
        "status": Note("The HTTP status.", 422),
        "sub": Note("The `sub` of the person, percent-encoded.", "auth0%7Cerin"),
        "subject": Note("The subject of the change.", _PERSON),
        "submission_id": Note("Names the submission.", _UUID),
        "submitted_at": Note("When it was submitted, RFC 3339 in UTC.", _MOMENT),
        "submitted_by": Note("The person who submitted it.", _PERSON),
        "submitted_for": Note("For whom somebody else submitted it.", _PERSON),
        "target_minutes": Note("The minutes to work; null means no target.", 2400),
        "targets": Note("The minutes to work on each weekday, from Monday.", [480] * 5 + [0, 0]),
        "task": Note("The task.", "Planning"),
        "tasks": Note("The tasks of the project.", ["Planning"]),
        "time_zone": Note("A name of the IANA database.", "Europe/Berlin"),
        "title": Note("The kind of problem.", "Unprocessable Content"),
        "to": Note("The last day.", "2026-11-29"),
        "to_week": Note("The week to copy to.", _WEEK),
        "today": Note("The latest day that has begun anywhere (UTC+14).", _DAY),
        "total_minutes": Note("All minutes.", 2400),
        "type": Note("Names the kind of problem.", "https://api.exampleco.com/problems/not-found"),
        "unchanged": Note("Rows that changed nothing.", 0),
        "unlock": Note(
            "The action that would unlock it.",
            "An administrator can move the closed period back.",
        ),
        "until": Note("The last day in the company.", "2026-12-31"),
        "updated": Note("Rows that changed an entry.", 0),
        "updated_at": Note("When it last changed, RFC 3339 in UTC.", _MOMENT),
        "uploaders": Note("The clients that may upload for the person.", ["batch-nightly"]),
        "version": Note("The version, which grows with each change.", 3),
        "wait": Note("Seconds to wait for an event.", 20),
        "week": Note("An ISO week, Monday to Sunday.", _WEEK),
        "why": Note("Why the caller may decide.", "manager"),
        # Path parameters, headers and scopes.
        "Accept": Note("The media type of the answer.", "application/json"),
        "Content-Encoding": Note("`gzip` if the body is compressed.", "gzip"),
        "Idempotency-Key": Note("The same key and body give the same answer.", _UUID),
        "If-Match": Note("Change it only in this version (RFC 9110 13.1.1).", '"3"'),
        "If-None-Match": Note("Answer 304 if this is the version (RFC 9110 13.1.2).", '"3"'),
        "read:timesheets": Note("Read own entries, weeks, absences and projects.", None),
        "create:timesheets": Note("Create and change own entries, submit own weeks.", None),
        "delete:timesheets": Note("Delete own entries.", None),
        "approve:timesheets": Note("Decide the weeks of the team.", None),
        "manage:timesheets": Note("Administer projects, periods and everybody's weeks.", None),
        "batch:upload": Note("Upload other people's entries.", None),
        "read:reports": Note("Export entries, weeks and totals of everybody.", None),
        "read:people": Note("Read the people directory.", None),
        "manage:people": Note("Change the people directory.", None),
        "read:events": Note("Follow a feed.", None),
        "read:audit": Note("Read the change logs.", None),
    }
)

_UNKNOWN = Note("", None)


def note_of(name: str) -> Note:
    """The note on a name; an empty one for names without."""
    return NOTES.get(name, _UNKNOWN)


def add_notes(name: str, definition: dict[str, Any], *, example_key: str) -> None:
    """Add what the schema does not say itself. OpenAPI 3.1 lists examples, Swagger has one."""
    note = note_of(name)
    if note.description:
        definition.setdefault("description", note.description)
    example = definition.pop("example", None)
    if example is None:
        example = note.example
    if example is not None:
        definition[example_key] = [example] if example_key == "examples" else example


def drop_empty_default(definition: dict[str, Any]) -> None:
    """Remove a default that only means "not given"."""
    if definition.get("default") in (None, ""):
        definition.pop("default", None)
