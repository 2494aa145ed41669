"""Managers and administrators working on other people's weeks and entries."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import asyncpg
import pytest
from structlog.testing import capture_logs

from libs.changes.verification import main as verify
from tests.api.entries.agency import Agency, row
from tests.api.entries.conftest import Week, draft, log
from tests.api.entries.test_decisions import decide, learn
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Service
from tests.support.clock import StandingClock
from tests.support.issuer import PERSON, Issuer

THIS = f"/v1/timesheets/{Week.THIS}"
ERIN = {"person": "auth0|erin"}
REOPENING = {**ERIN, "reason": "wrong rate"}


@pytest.fixture
async def maya(entries: Service, connection: asyncpg.Connection) -> Caller:
    """Erin's manager."""
    await learn(connection, "maya", manager=None)
    await learn(connection, "erin", manager="auth0|maya")
    await learn(connection, "carl", manager="auth0|marco")
    return entries.caller("maya", MANAGER)


async def changes(entries: Service) -> list[tuple[str, str, str, str]]:
    """(kind, subject, action, actor) of each row of the change log, oldest first."""
    auditor = entries.caller("audrey", "read:audit")
    items = (await auditor.get("/v1/changes/entries")).json["items"]
    return [
        (item["kind"], item["subject"], item["action"], item["actor"]) for item in reversed(items)
    ]


async def test_a_manager_submits_a_direct_reports_week(
    entries: Service, erin: Caller, maya: Caller, connection: asyncpg.Connection
) -> None:
    await log(erin)
    submitted = await maya.post(f"{THIS}/submit", ERIN)
    assert (submitted.status, submitted.json["person"]) == (200, "auth0|erin")
    assert submitted.json["history"][-1]["actor"] == "auth0|maya"
    assert (await erin.get(THIS)).json["state"] == "submitted"
    data = json.loads(await connection.fetchval("SELECT data FROM events"))
    assert (data["submitted_by"], data["submitted_for"]) == ("auth0|maya", "auth0|erin")
    assert (await changes(entries))[-1] == ("timesheet", "auth0|erin", "submitted", "auth0|maya")


async def test_nobody_submits_for_people_outside_of_the_team(
    carl: Caller, erin: Caller, maya: Caller
) -> None:
    assert (await maya.post(f"{THIS}/submit", {"person": "auth0|carl"})).status == 404
    assert (await maya.post(f"{THIS}/submit", {"person": "auth0|nobody"})).status == 404
    assert (await carl.post(f"{THIS}/submit", ERIN)).status == 403
    assert (await erin.post(f"{THIS}/submit", ERIN)).status == 200


async def test_an_administrator_submits_for_anybody(ada: Caller, maya: Caller) -> None:
    del maya  # only that the people are known
    assert (await ada.post(f"{THIS}/submit", {"person": "auth0|carl"})).status == 200


@pytest.mark.parametrize("step", ["submit", "withdraw"])
async def test_an_unknown_field_is_refused(erin: Caller, step: str) -> None:
    refused = await erin.post(f"{THIS}/{step}", {"persom": "auth0|carl"})
    assert refused.codes == {("/persom", "unknown")}


async def test_a_manager_reopens_a_direct_reports_week(
    entries: Service, erin: Caller, maya: Caller, connection: asyncpg.Connection
) -> None:
    submission = (await erin.post(f"{THIS}/submit")).json["submission_id"]
    await decide(connection, submission, "approved")
    marco = entries.caller("marco", MANAGER)
    assert (await marco.post(f"{THIS}/reopen", REOPENING)).status == 404
    reopened = await maya.post(f"{THIS}/reopen", REOPENING)
    assert (reopened.status, reopened.json["state"]) == (200, "open")
    assert (await changes(entries))[-1] == ("timesheet", "auth0|erin", "reopened", "auth0|maya")


async def test_a_manager_does_not_reopen_the_own_week(maya: Caller) -> None:
    body = {"person": "auth0|maya", "reason": "forgot an hour"}
    assert (await maya.post(f"{THIS}/reopen", body)).status == 404


async def test_a_week_with_a_closed_day_is_not_reopened(
    erin: Caller, ada: Caller, connection: asyncpg.Connection, clock: StandingClock
) -> None:
    await log(erin)
    submission = (await erin.post(f"{THIS}/submit")).json["submission_id"]
    await decide(connection, submission, "approved")
    clock.move(days=1)
    await ada.put("/v1/period", {"closed_through": Week.MONDAY})
    refused = await ada.post(f"{THIS}/reopen", REOPENING)
    assert (refused.status, refused.json["lock_reason"]) == (409, "closed")
    assert refused.json["type"].endswith("/closed")
    assert refused.json["detail"] == "The period through 2026-11-23 is closed. Move it back first."
    await ada.put("/v1/period", {"closed_through": None, "reason": "wrong rate"})
    assert (await ada.post(f"{THIS}/reopen", REOPENING)).status == 200


async def test_a_manager_reads_the_weeks_of_direct_reports(
    erin: Caller, carl: Caller, maya: Caller
) -> None:
    await log(erin)
    assert (await maya.get(f"{THIS}?person=auth0|erin")).json["total_minutes"] == 60
    assert len((await maya.get("/v1/timesheets?person=auth0|erin")).json["items"]) == 12
    for path in (THIS, "/v1/timesheets"):
        assert (await maya.get(f"{path}?person=auth0|carl")).status == 404
        assert (await carl.get(f"{path}?person=auth0|erin")).status == 403
    assert (await maya.get("/v1/entries?person=auth0|erin")).status == 403


async def test_an_administrator_deletes_uploaded_entries_only(
    entries: Service,
    issuer: Issuer,
    erin: Caller,
    ada: Caller,
    maya: Caller,
    connection: asyncpg.Connection,
) -> None:
    await learn(connection, "erin", uploaders=["agency"], version=2)
    assert (await Agency(entries, issuer).send([row(1)])).status == 201
    [uploaded] = (await erin.get("/v1/entries")).json["items"]
    own = (await log(erin)).json
    query = "?person=auth0|erin&reason=uploaded twice"
    assert (await maya.delete(f"/v1/entries/{uploaded['id']}{query}")).status == 403
    assert (await ada.delete(f"/v1/entries/{own['id']}{query}")).status == 403
    missing = await ada.delete(f"/v1/entries/{uploaded['id']}?person=auth0|erin")
    assert missing.codes == {("/reason", "required")}
    assert (await ada.delete(f"/v1/entries/{uploaded['id']}{query}")).status == 204
    assert (await changes(entries))[-1] == ("entry", "auth0|erin", "deleted", "auth0|ada")
    assert (await erin.get(THIS)).json["total_minutes"] == 60


async def test_projects_and_periods_are_in_the_change_log(entries: Service, ada: Caller) -> None:
    await ada.patch("/v1/projects/APOLLO", {"customer": "Other"})
    await ada.put("/v1/period", {"closed_through": "2026-10-31", "reason": "payroll"})
    assert (await changes(entries))[-2:] == [
        ("project", "APOLLO", "changed", "auth0|ada"),
        ("period", "period", "changed", "auth0|ada"),
    ]
    auditor = entries.caller("audrey", "read:audit")
    [change] = (await auditor.get("/v1/changes/entries?subject=period")).json["items"]
    assert (change["before"], change["after"], change["reason"]) == (
        {"closed_through": None},
        {"closed_through": "2026-10-31"},
        "payroll",
    )
    assert (await ada.get("/v1/changes/entries")).status == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/entries", None),
        ("POST", "/v1/entries", draft()),
        ("PUT", "/v1/entries/11111111-1111-4111-8111-111111111111", draft()),
        ("POST", "/v1/entries/copy", {"from_week": Week.LAST, "to_week": Week.THIS}),
        ("GET", THIS, None),
        ("POST", f"{THIS}/submit", None),
        ("POST", f"{THIS}/submit", ERIN),
        ("POST", f"{THIS}/withdraw", None),
        ("POST", f"{THIS}/reopen", REOPENING),
    ],
)
async def test_a_machine_has_no_entries_and_no_weeks(
    entries: Service, issuer: Issuer, method: str, path: str, body: object
) -> None:
    machine = entries.bearer(issuer.machine_token("robot", f"{PERSON} manage:timesheets"))
    refused = await machine.request(method, path, json=body)
    assert (refused.status, refused.json["title"]) == (403, "Forbidden")
    assert "machine" in refused.json["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{THIS}/reopen", REOPENING),
        ("PUT", "/v1/period", {"closed_through": "2026-10-31"}),
        ("POST", "/v1/projects/HERA", {"name": "Hera", "customer": "Big Company"}),
        ("PATCH", "/v1/projects/APOLLO", {"name": "Hera"}),
    ],
)
async def test_what_touches_money_takes_a_recent_second_factor(
    entries: Service, issuer: Issuer, ada: Caller, method: str, path: str, body: object
) -> None:
    del ada  # only that the project is there
    claim = {"https://api.exampleco.com/mfa_at": None}
    token = issuer.token("auth0|ada", ADMINISTRATOR, **claim)
    refused = await entries.bearer(token).request(method, path, json=body)
    assert refused.status == 401
    assert "insufficient_user_authentication" in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "path",
    [
        f"{THIS}?person=auth0|erin",
        "/v1/timesheets?person=auth0|erin",
        "/v1/entries?person=auth0|erin",
        "/v1/reports/entries?from=2026-11-23&to=2026-11-23&person=auth0|erin",
        "/v1/reports/totals?from=2026-11-23&to=2026-11-23&person=auth0|erin",
        "/v1/reports/weeks?from=2026-11-23&to=2026-11-23&person=auth0|erin",
    ],
)
async def test_reading_other_peoples_data_leaves_one_line_in_the_log(
    ada: Caller, path: str
) -> None:
    with capture_logs() as lines:
        assert (await ada.get(path)).status == 200
    [line] = [each for each in lines if each["event"] == "personal data accessed"]
    assert (line["actor"], line["azp"], line["person"]) == ("auth0|ada", "app", "auth0|erin")


@pytest.mark.parametrize("stored", ["auth0|M\u00fc", "auth0|Mu\u0308", "auth0|mu "])
async def test_a_sub_is_compared_byte_for_byte(entries: Service, ada: Caller, stored: str) -> None:
    others = {"auth0|M\u00fc", "auth0|Mu\u0308", "auth0|mu ", "auth0|mu"} - {stored}
    owner = entries.bearer(entries.token(sub=stored, scope=PERSON))
    await log(owner)
    await ada.post(f"{THIS}/submit", {"person": stored})
    auditor = entries.caller("audrey", "read:audit")
    days = f"from={Week.MONDAY}&to={Week.MONDAY}"
    for person in (stored, *others):
        name = quote(person, safe="")
        is_owner = person == stored
        mine = (await ada.get(f"/v1/entries?person={name}")).json["items"]
        assert len(mine) == is_owner, person
        for path in ("reports/weeks", "reports/entries"):
            reply = await ada.get(f"/v1/{path}?{days}&person={name}&format=ndjson")
            assert len(reply.body.splitlines()) == is_owner, (path, person)
        logged = (await auditor.get(f"/v1/changes/entries?subject={name}")).json["items"]
        assert len(logged) == is_owner, person
        assert (await auditor.get(f"/v1/changes/entries?actor={name}")).json["items"] == []


async def test_reading_ones_own_data_leaves_none(erin: Caller) -> None:
    with capture_logs() as lines:
        await erin.get(THIS)
    assert [each for each in lines if each["event"] == "personal data accessed"] == []


async def test_the_change_log_is_verified_by_a_command(
    ada: Caller, entries_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    await ada.patch("/v1/projects/APOLLO", {"customer": "Other"})
    assert await asyncio.to_thread(verify, {"DATABASE_URL": entries_database}) == 0
    assert "3 changes are as written" in capfd.readouterr().out
    connection = await asyncpg.connect(entries_database)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("UPDATE changes SET actor = 'auth0|carl' WHERE number = 2")
    await connection.close()
    assert await asyncio.to_thread(verify, {"DATABASE_URL": entries_database}) == 1
    assert "change 3" in capfd.readouterr().out
