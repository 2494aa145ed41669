"""The rows that a caller reaches on the routes of entries: every caller by every person."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from tests.api.entries.agency import learn
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Service
from tests.support.issuer import PERSON, Issuer

WEEK = "2026-W48"
SHEET = f"/v1/timesheets/{WEEK}"
ENTRY = uuid.UUID(int=1)
ADD_PROJECT = "INSERT INTO projects (code, name, customer) VALUES ('APOLLO', 'Apollo', 'Big')"
ADD_ENTRY = """
    INSERT INTO entries (person, id, date, project, minutes, billable, source, external_id)
    VALUES ($1, $2, '2026-11-23', 'APOLLO', 60, true, 'batch:agency', $1)
"""
APPROVE = """
    UPDATE weeks SET state = 'approved', submission_id = gen_random_uuid() WHERE person = $1
"""

# Of whom: the caller, a direct report, somebody of another team, somebody who has left (a direct
# report until then), a person that nobody knows.
PEOPLE = ("self", "report", "stranger", "leaver", "nobody")
SUBS = {"report": "erin", "stranger": "carl", "leaver": "lea", "nobody": "nobody"}


@dataclass(frozen=True, slots=True)
class Role:
    """A caller whose own `sub` is `person`."""

    person: str
    scope: str
    is_machine: bool = False


ROLES = {
    "employee": Role("emil", PERSON),
    "manager": Role("maya", MANAGER),
    "administrator": Role("ada", ADMINISTRATOR),
    "auditor": Role("audrey", f"{PERSON} read:audit read:reports read:people"),
    "machine": Role("robot", f"{PERSON} manage:timesheets", is_machine=True),
}

Allowed = Mapping[str, tuple[int, int, int, int, int]]
"""The status for each role, by `PEOPLE`."""

NOBODY_ELSES = (403, 403, 403, 403)
READ_BY_ADMIN: Allowed = {
    "employee": (200, *NOBODY_ELSES),
    "manager": (200, *NOBODY_ELSES),
    "administrator": (200, 200, 200, 200, 200),
    "auditor": (200, *NOBODY_ELSES),
    "machine": (403, 200, 200, 200, 200),
}
READ_BY_MANAGER: Allowed = {
    **READ_BY_ADMIN,
    "manager": (200, 200, 404, 200, 404),
}
SUBMIT: Allowed = {
    "employee": (200, *NOBODY_ELSES),
    "manager": (200, 200, 404, 200, 404),
    "administrator": (200, 200, 200, 200, 404),
    "auditor": (200, *NOBODY_ELSES),
    "machine": (403, 403, 403, 403, 403),
}
REOPEN: Allowed = {
    "employee": (403, *NOBODY_ELSES),
    "manager": (404, 200, 404, 200, 404),
    "administrator": (200, 200, 200, 200, 404),
    "auditor": (403, *NOBODY_ELSES),
    "machine": (403, 403, 403, 403, 403),
}
DELETE_UPLOADED: Allowed = {
    "employee": (204, *NOBODY_ELSES),
    "manager": (204, *NOBODY_ELSES),
    "administrator": (204, 204, 204, 204, 404),
    "auditor": (204, *NOBODY_ELSES),
    "machine": (403, 403, 403, 403, 403),
}


@pytest.fixture
async def connection(entries_database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(entries_database)
    await opened.execute(ADD_PROJECT)
    await learn(opened, "maya", manager=None)
    await learn(opened, "erin", manager="auth0|maya")
    await learn(opened, "carl", manager="auth0|marco")
    await learn(opened, "lea", manager="auth0|maya", active=False)
    for role in ROLES.values():
        await opened.execute(ADD_ENTRY, f"auth0|{role.person}", ENTRY)
    for name in ("erin", "carl", "lea"):
        await opened.execute(ADD_ENTRY, f"auth0|{name}", ENTRY)
    yield opened
    await opened.close()


def caller_of(role: Role, entries: Service, issuer: Issuer) -> Caller:
    if role.is_machine:
        return entries.bearer(issuer.machine_token(role.person, role.scope))
    return entries.caller(role.person, role.scope)


def sub_of(person: str, role: Role) -> str:
    if person == "self":
        return f"{role.person}@clients" if role.is_machine else f"auth0|{role.person}"
    return f"auth0|{SUBS[person]}"


async def check(
    entries: Service, issuer: Issuer, allowed: Allowed, method: str, path: str, body: Any = None
) -> None:
    """`{sub}` in the path or the body is the person."""
    assert allowed.keys() == ROLES.keys()
    found = {}
    for name, role in ROLES.items():
        caller = caller_of(role, entries, issuer)
        statuses = []
        for person in PEOPLE:
            sub = sub_of(person, role)
            sent = {key: value.format(sub=sub) for key, value in body.items()} if body else None
            reply = await caller.request(method, path.format(sub=sub), json=sent)
            statuses.append(reply.status)
        found[name] = tuple(statuses)
    assert found == allowed


@pytest.mark.parametrize("path", ["/v1/entries?person={sub}"])
async def test_entries_of_others_are_for_administrators(
    entries: Service, issuer: Issuer, connection: asyncpg.Connection, path: str
) -> None:
    del connection
    await check(entries, issuer, READ_BY_ADMIN, "GET", path)


@pytest.mark.parametrize("path", ["/v1/timesheets?person={sub}", SHEET + "?person={sub}"])
async def test_weeks_of_others_are_for_administrators_and_their_manager(
    entries: Service, issuer: Issuer, connection: asyncpg.Connection, path: str
) -> None:
    del connection
    await check(entries, issuer, READ_BY_MANAGER, "GET", path)


@pytest.mark.parametrize("role", ROLES)
async def test_the_weeks_of_others_are_submitted_by_administrators_and_their_manager(
    entries: Service, issuer: Issuer, connection: asyncpg.Connection, role: str
) -> None:
    """A week that was submitted is opened again for the next caller."""
    caller = caller_of(ROLES[role], entries, issuer)
    statuses = []
    for person in PEOPLE:
        await connection.execute("UPDATE weeks SET state = 'open', submission_id = NULL")
        body = {"person": sub_of(person, ROLES[role])}
        statuses.append((await caller.post(f"{SHEET}/submit", body)).status)
    assert tuple(statuses) == SUBMIT[role]


@pytest.mark.parametrize("role", ROLES)
async def test_the_weeks_of_others_are_reopened_by_administrators_and_their_manager(
    entries: Service, issuer: Issuer, connection: asyncpg.Connection, role: str
) -> None:
    caller = caller_of(ROLES[role], entries, issuer)
    statuses = []
    for person in PEOPLE:
        sub = sub_of(person, ROLES[role])
        await connection.execute(APPROVE, sub)
        body = {"person": sub, "reason": "wrong rate"}
        statuses.append((await caller.post(f"{SHEET}/reopen", body)).status)
    assert tuple(statuses) == REOPEN[role]


@pytest.mark.parametrize("role", ROLES)
async def test_uploaded_entries_of_others_are_deleted_by_administrators(
    entries: Service, issuer: Issuer, connection: asyncpg.Connection, role: str
) -> None:
    del connection
    caller = caller_of(ROLES[role], entries, issuer)
    statuses = []
    for person in PEOPLE:
        sub = sub_of(person, ROLES[role])
        path = f"/v1/entries/{ENTRY}?person={sub}&reason=twice"
        statuses.append((await caller.delete(path)).status)
    assert tuple(statuses) == DELETE_UPLOADED[role]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_nobody_reaches_an_entry_of_others_by_its_id(
    entries: Service, issuer: Issuer, connection: asyncpg.Connection, method: str
) -> None:
    """Everybody's entry has the same id here, so each caller finds the own one, or none."""
    await connection.execute("DELETE FROM entries WHERE person <> 'auth0|erin'")
    body = {"minutes": 5} if method == "PATCH" else None
    for role in ROLES.values():
        caller = caller_of(role, entries, issuer)
        reply = await caller.request(method, f"/v1/entries/{ENTRY}", json=body)
        assert reply.status == (403 if role.is_machine else 404)
    minutes = await connection.fetchval("SELECT minutes FROM entries")
    assert minutes == 60
