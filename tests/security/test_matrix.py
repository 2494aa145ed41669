"""The table of roles, routes and the person whom the data is about.

Scopes come first (test_access.py); this table is about what remains after them, over the running
services. A row is a route, a column a caller, a cell the status for each of the `SUBJECTS`.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from libs.auth import Scope
from tests.security.test_access import REQUIRED
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Reply
from tests.support.fleet import Fleet
from tests.support.issuer import PERSON

AUDITOR = "read:audit read:reports read:people"
EVERYTHING = " ".join(Scope)
WEEK = "2026-W40"
MONDAY = "2026-09-28"

# The person whom the data is about: the caller, a direct report of the manager, somebody else's
# report, a direct report who has left.
SUBJECTS = ("self", "report", "stranger", "leaver")
CALLERS = ("employee", "manager", "administrator", "auditor", "machine")
SCOPES = {
    "employee": PERSON,
    "manager": MANAGER,
    "administrator": ADMINISTRATOR,
    "auditor": AUDITOR,
}


Ask = Callable[["World", str, str], Awaitable[Reply]]


@dataclass
class World:
    """A company with a submitted week of everybody, and an entry of each."""

    fleet: Fleet
    approvals: dict[str, str] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    absences: dict[str, str] = field(default_factory=dict)

    def caller(self, role: str, service: str) -> Caller:
        if role == "machine":
            return self.fleet.bearer(service, self.fleet.issuer.machine_token("robot", EVERYTHING))
        return self.fleet.caller(service, role, SCOPES[role])

    def key(self, role: str, subject: str) -> str:
        own = "employee" if role == "machine" else role
        # A machine has no data of its own: the employee's stand for it.
        return own if subject == "self" else subject

    async def ask(self, route: Ask, role: str, subject: str) -> int:
        status = (await route(self, role, self.key(role, subject))).status
        return 200 if status == 201 else status


def sub(key: str) -> str:
    return f"auth0|{key}"


async def list_entries(world: World, role: str, key: str) -> Reply:
    caller = world.caller(role, "entries")
    return await caller.get(f"/v1/entries?from={MONDAY}&person=auth0%7C{key}")


async def read_entry(world: World, role: str, key: str) -> Reply:
    return await world.caller(role, "entries").get(f"/v1/entries/{world.entries[key]}")


async def change_entry(world: World, role: str, key: str) -> Reply:
    path = f"/v1/entries/{world.entries[key]}"
    return await world.caller(role, "entries").patch(path, {"note": "x"})


async def read_week(world: World, role: str, key: str) -> Reply:
    caller = world.caller(role, "entries")
    return await caller.get(f"/v1/timesheets/{WEEK}?person=auth0%7C{key}")


async def submit_week(world: World, role: str, key: str) -> Reply:
    caller = world.caller(role, "entries")
    return await caller.post(f"/v1/timesheets/{WEEK}/submit", {"person": sub(key)})


async def reopen_week(world: World, role: str, key: str) -> Reply:
    caller, body = world.caller(role, "entries"), {"person": sub(key), "reason": "x"}
    return await caller.post(f"/v1/timesheets/{WEEK}/reopen", body)


async def read_approval(world: World, role: str, key: str) -> Reply:
    return await world.caller(role, "approvals").get(f"/v1/approvals/{world.approvals[key]}")


async def read_history(world: World, role: str, key: str) -> Reply:
    path = f"/v1/approvals/{world.approvals[key]}/history"
    return await world.caller(role, "approvals").get(path)


async def decide(world: World, role: str, key: str) -> Reply:
    """A stale version, so that nothing is decided: 412 is the answer to who could."""
    path = f"/v1/approvals/{world.approvals[key]}/decision"
    stale = {"If-Match": '"99"'}
    caller = world.caller(role, "approvals")
    return await caller.put(path, {"decision": "approve"}, headers=stale)


async def read_person(world: World, role: str, key: str) -> Reply:
    return await world.caller(role, "profile").get(f"/v1/people/auth0%7C{key}")


async def change_person(world: World, role: str, key: str) -> Reply:
    return await world.caller(role, "profile").patch(f"/v1/people/auth0%7C{key}", {})


async def read_contracts(world: World, role: str, key: str) -> Reply:
    return await world.caller(role, "profile").get(f"/v1/people/auth0%7C{key}/contracts")


async def set_contract(world: World, role: str, key: str) -> Reply:
    path = f"/v1/people/auth0%7C{key}/contracts/2030-01-01"
    return await world.caller(role, "profile").put(path, {"minutes": [0] * 7})


async def appoint_delegate(world: World, role: str, key: str) -> Reply:
    delegation = {"person": sub(key), "from": "2030-01-01", "to": "2030-01-02"}
    return await world.caller(role, "profile").put("/v1/profile/delegate", delegation)


async def delete_entry(world: World, role: str, key: str) -> Reply:
    path = f"/v1/entries/{world.entries[key]}?person=auth0%7C{key}&reason=x"
    return await world.caller(role, "entries").delete(path)


async def list_weeks(world: World, role: str, key: str) -> Reply:
    caller = world.caller(role, "entries")
    return await caller.get(f"/v1/timesheets?from={WEEK}&to={WEEK}&person=auth0%7C{key}")


async def list_absences(world: World, role: str, key: str) -> Reply:
    return await world.caller(role, "entries").get(f"/v1/absences?person=auth0%7C{key}")


async def put_absence(world: World, role: str, key: str) -> Reply:
    path = f"/v1/absences/{world.absences[key]}?person=auth0%7C{key}"
    body = {"from": MONDAY, "to": MONDAY, "kind": "training"}
    return await world.caller(role, "entries").put(path, body)


async def delete_absence(world: World, role: str, key: str) -> Reply:
    path = f"/v1/absences/{world.absences[key]}?person=auth0%7C{key}"
    return await world.caller(role, "entries").delete(path)


async def read_calendar(world: World, role: str, key: str) -> Reply:
    path = f"/v1/calendar?from={MONDAY}&to={MONDAY}&person=auth0%7C{key}"
    return await world.caller(role, "entries").get(path)


async def export_entries(world: World, role: str, key: str) -> Reply:
    return await _report(world, role, key, "entries")


async def report_totals(world: World, role: str, key: str) -> Reply:
    return await _report(world, role, key, "totals")


async def report_weeks(world: World, role: str, key: str) -> Reply:
    return await _report(world, role, key, "weeks")


async def _report(world: World, role: str, key: str, name: str) -> Reply:
    path = f"/v1/reports/{name}?from={MONDAY}&to={MONDAY}&person=auth0%7C{key}"
    return await world.caller(role, "entries").get(path)


async def changes_in_entries(world: World, role: str, key: str) -> Reply:
    return await _changes(world, role, key, "entries")


async def changes_in_approvals(world: World, role: str, key: str) -> Reply:
    return await _changes(world, role, key, "approvals")


async def changes_in_profile(world: World, role: str, key: str) -> Reply:
    return await _changes(world, role, key, "profile")


async def _changes(world: World, role: str, key: str, name: str) -> Reply:
    path = f"/v1/changes/{name}?subject=auth0%7C{key}"
    return await world.caller(role, name).get(path)


async def replace_person(world: World, role: str, key: str) -> Reply:
    """An unknown field, so that nobody is replaced: 422 is the answer to a caller who could."""
    body = {"name": "X", "unknown": 1}
    return await world.caller(role, "profile").put(f"/v1/people/auth0%7C{key}", body)


async def delete_contract(world: World, role: str, key: str) -> Reply:
    """There is none: 404 is the answer to a caller who could."""
    path = f"/v1/people/auth0%7C{key}/contracts/2031-01-01"
    return await world.caller(role, "profile").delete(path)


# The statuses for self, report, stranger and leaver, in this order.
Cell = tuple[int, int, int, int]
NEVER: Cell = (403, 403, 403, 403)
ALWAYS: Cell = (200, 200, 200, 200)
NOT_THERE: Cell = (200, 404, 404, 404)
# Refused for the state of the week: in another state the caller could do it.
LOCKED: Cell = (409, 409, 409, 409)
# Refused for the body: with another body the caller could do it.
INVALID: Cell = (422, 422, 422, 422)
OWN: Cell = (200, 403, 403, 403)
TEAM: Cell = (200, 200, 404, 200)
OWN_LOCKED: Cell = (409, 403, 403, 403)
TEAM_LOCKED: Cell = (409, 409, 404, 409)
ABSENT: Cell = (404, 404, 404, 404)

# The columns are `CALLERS`: employee, manager, administrator, auditor, machine with every scope.
TABLE: dict[Ask, tuple[Cell, Cell, Cell, Cell, Cell]] = {
    list_entries: ((200, 403, 403, 403), (200, 403, 403, 403), ALWAYS, NEVER, ALWAYS),
    read_entry: (NOT_THERE, NOT_THERE, NOT_THERE, NEVER, NEVER),
    change_entry: ((409, 404, 404, 404), (409, 404, 404, 404), (409, 404, 404, 404), NEVER, NEVER),
    read_week: ((200, 403, 403, 403), (200, 200, 404, 200), ALWAYS, NEVER, ALWAYS),
    submit_week: ((409, 403, 403, 403), (409, 409, 404, 409), LOCKED, NEVER, NEVER),
    reopen_week: (NEVER, (404, 409, 404, 409), LOCKED, NEVER, NEVER),
    read_approval: (NEVER, (404, 200, 404, 200), (404, 200, 200, 200), NEVER, NEVER),
    read_history: (NEVER, (404, 200, 404, 200), (404, 200, 200, 200), NEVER, NEVER),
    decide: (NEVER, (403, 412, 404, 412), (403, 412, 412, 412), NEVER, NEVER),
    read_person: (NEVER, ALWAYS, ALWAYS, ALWAYS, ALWAYS),
    change_person: (NEVER, NEVER, ALWAYS, NEVER, ALWAYS),
    read_contracts: (NEVER, ALWAYS, ALWAYS, ALWAYS, ALWAYS),
    set_contract: (NEVER, NEVER, ALWAYS, NEVER, ALWAYS),
    delete_entry: (NEVER, NEVER, NEVER, NEVER, NEVER),
    list_weeks: (OWN, TEAM, ALWAYS, NEVER, ALWAYS),
    list_absences: (OWN, TEAM, ALWAYS, NEVER, ALWAYS),
    put_absence: (OWN_LOCKED, TEAM_LOCKED, LOCKED, NEVER, NEVER),
    delete_absence: (OWN_LOCKED, TEAM_LOCKED, LOCKED, NEVER, NEVER),
    read_calendar: (OWN, TEAM, ALWAYS, NEVER, ALWAYS),
    export_entries: (NEVER, NEVER, ALWAYS, ALWAYS, ALWAYS),
    report_totals: (NEVER, NEVER, ALWAYS, ALWAYS, ALWAYS),
    report_weeks: (NEVER, NEVER, ALWAYS, ALWAYS, ALWAYS),
    changes_in_entries: (NEVER, NEVER, NEVER, ALWAYS, ALWAYS),
    changes_in_approvals: (NEVER, NEVER, NEVER, ALWAYS, ALWAYS),
    changes_in_profile: (NEVER, NEVER, NEVER, ALWAYS, ALWAYS),
    replace_person: (NEVER, NEVER, INVALID, NEVER, INVALID),
    delete_contract: (NEVER, NEVER, ABSENT, NEVER, ABSENT),
    appoint_delegate: (NEVER, (422, 200, 200, 422), (422, 200, 200, 422), NEVER, NEVER),
}

ROUTES: dict[Ask, str] = {
    list_entries: "GET /v1/entries",
    read_entry: "GET /v1/entries/{id}",
    change_entry: "PATCH /v1/entries/{id}",
    delete_entry: "DELETE /v1/entries/{id}",
    read_week: "GET /v1/timesheets/{week}",
    list_weeks: "GET /v1/timesheets",
    submit_week: "POST /v1/timesheets/{week}/submit",
    reopen_week: "POST /v1/timesheets/{week}/reopen",
    list_absences: "GET /v1/absences",
    put_absence: "PUT /v1/absences/{id}",
    delete_absence: "DELETE /v1/absences/{id}",
    read_calendar: "GET /v1/calendar",
    export_entries: "GET /v1/reports/entries",
    report_totals: "GET /v1/reports/totals",
    report_weeks: "GET /v1/reports/weeks",
    changes_in_entries: "GET /v1/changes/entries",
    changes_in_approvals: "GET /v1/changes/approvals",
    changes_in_profile: "GET /v1/changes/profile",
    read_approval: "GET /v1/approvals/{id}",
    read_history: "GET /v1/approvals/{id}/history",
    decide: "PUT /v1/approvals/{id}/decision",
    read_person: "GET /v1/people/{sub}",
    change_person: "PATCH /v1/people/{sub}",
    replace_person: "PUT /v1/people/{sub}",
    read_contracts: "GET /v1/people/{sub}/contracts",
    set_contract: "PUT /v1/people/{sub}/contracts/{from}",
    delete_contract: "DELETE /v1/people/{sub}/contracts/{from}",
    appoint_delegate: "PUT /v1/profile/delegate",
}

# These routes name no person: they are about the caller alone, ...
ABOUT_THE_CALLER = {
    "POST /v1/entries",
    "PUT /v1/entries/{id}",
    "POST /v1/entries/copy",
    "GET /v1/entries/rules",
    "POST /v1/timesheets/{week}/withdraw",
    "GET /v1/profile",
    "PATCH /v1/profile",
    "DELETE /v1/profile/delegate",
}
# ... about the company, or lists of what the caller may see, which have tests of their own.
ABOUT_THE_COMPANY = {
    "GET /v1/holidays",
    "PUT /v1/holidays/{date}",
    "DELETE /v1/holidays/{date}",
    "GET /v1/projects",
    "GET /v1/projects/{code}",
    "POST /v1/projects/{code}",
    "PATCH /v1/projects/{code}",
    "GET /v1/period",
    "PUT /v1/period",
    "POST /v1/batches",
    "GET /v1/batches",
    "GET /v1/batches/{id}",
    "DELETE /v1/batches/{id}",
    "GET /v1/batches/{id}/errors",
    "GET /v1/batches/{id}/rows",
    "GET /v1/reports/missing",
    "GET /v1/approvals",
    "GET /v1/approvals/overdue",
    "POST /v1/approvals/decisions",
    "GET /v1/people",
    "GET /v1/entries/feed",
    "GET /v1/approvals/feed",
    "GET /v1/people/feed",
}


def test_each_route_is_in_the_table_or_about_nobody_else() -> None:
    """REQUIRED has every route that there is (test_access.py)."""
    every = {route for routes in REQUIRED.values() for route in routes}
    assert {*ROUTES.values(), *ABOUT_THE_CALLER, *ABOUT_THE_COMPANY} == every
    assert ROUTES.keys() == TABLE.keys()


@pytest.fixture
async def world(fleet: Fleet) -> World:
    """The manager has two direct reports, one of whom has left; all weeks are submitted."""
    made = World(fleet)
    ada = fleet.administrator("profile")
    people: dict[str, str | None] = {
        **dict.fromkeys(("boss", "manager", "other", "employee"), None),
        **dict.fromkeys(("administrator", "auditor"), "boss"),
        "report": "manager",
        "leaver": "manager",
        "stranger": "other",
    }
    for key, manager in people.items():
        body = {"name": key.title(), "manager": sub(manager) if manager else None}
        reply = await ada.put(f"/v1/people/auth0%7C{key}", body)
        assert reply.status == 201, reply.json
    await fleet.drained()
    for key in people:
        await _submit(made, key)
    await fleet.drained()
    rows = await fleet.rows("approvals", "SELECT id, person FROM approvals")
    made.approvals = {row["person"].removeprefix("auth0|"): str(row["id"]) for row in rows}
    assert (await ada.patch("/v1/people/auth0%7Cleaver", {"active": False})).status == 200
    await fleet.drained()
    return made


async def _submit(world: World, key: str) -> None:
    caller = world.fleet.caller("entries", key)
    world.entries[key] = str(uuid.uuid4())
    entry = {"date": MONDAY, "project": "APOLLO", "minutes": 60}
    assert (await caller.put(f"/v1/entries/{world.entries[key]}", entry)).status == 201
    world.absences[key] = str(uuid.uuid4())
    absence = {"from": MONDAY, "to": MONDAY, "kind": "sick", "portion": 0.5}
    added = await caller.put(f"/v1/absences/{world.absences[key]}", absence)
    assert added.status == 201, added.json
    assert (await caller.post(f"/v1/timesheets/{WEEK}/submit")).status == 200


@pytest.mark.timeout(120)
async def test_each_caller_reaches_just_the_data_that_the_table_says(world: World) -> None:
    found = {
        route.__name__: {
            role: tuple([await world.ask(route, role, subject) for subject in SUBJECTS])
            for role in CALLERS
        }
        for route in TABLE
    }
    expected = {
        route.__name__: dict(zip(CALLERS, row, strict=True)) for route, row in TABLE.items()
    }
    assert found == expected
