"""Partners follow the feed of entries without the notes of weeks that nobody approved yet."""

from __future__ import annotations

import asyncpg
import pytest

from tests.support.fleet import Fleet
from tests.support.issuer import PERSON

DAY, WEEK = "2026-11-16", "2026-W47"


@pytest.mark.timeout(120)
async def test_a_partner_reads_no_notes_and_approvals_has_them(fleet: Fleet) -> None:
    erin = fleet.caller("entries", "erin", PERSON)
    entry = {"date": DAY, "project": "APOLLO", "minutes": 60, "note": "private", "task": "Build"}
    assert (await erin.post("/v1/entries", entry)).status == 201
    absence = {"from": "2026-11-17", "to": "2026-11-17", "kind": "sick", "note": "private too"}
    made = await erin.put("/v1/absences/6a1f0a52-3c5e-4d0e-9f6c-2b7a5d7f3c11", absence)
    assert made.status == 201, made.json
    assert (await erin.post(f"/v1/timesheets/{WEEK}/submit")).status == 200
    await fleet.drained()

    for token in (
        fleet.issuer.machine_token("partner-payroll", "read:events read:reports"),
        fleet.issuer.token(sub="auth0|ada", scope="read:events", azp="follower"),
    ):
        reply = await fleet.bearer("entries", token).get("/v1/entries/feed")
        [event] = [each for each in reply.json if each["type"] == "timesheet.submitted"]
        assert "private" not in reply.body.decode()
        assert event["data"]["entries"][0]["task"] == "Build"
        assert event["data"]["absences"][0]["kind"] == "sick"

    own = fleet.bearer("entries", fleet.issuer.machine_token("follower", "read:events"))
    assert "private" in (await own.get("/v1/entries/feed")).body.decode()
    [[stored]] = await fleet.rows("approvals", "SELECT entries FROM approvals")
    assert "private" in stored


async def test_approvals_stores_no_week_whose_notes_it_may_not_read(
    fleet: Fleet, urls: dict[str, str]
) -> None:
    await fleet.kill("entries")
    fleet.set("FULL_FEED_CLIENTS", "")
    await fleet.start_one("entries")
    erin = fleet.caller("entries", "erin", PERSON)
    entry = {"date": DAY, "project": "APOLLO", "minutes": 60, "note": "private"}
    assert (await erin.post("/v1/entries", entry)).status == 201
    assert (await erin.post(f"/v1/timesheets/{WEEK}/submit")).status == 200
    await fleet.drained()

    connection = await asyncpg.connect(urls["approvals"])
    assert await connection.fetchval("SELECT count(*) FROM approvals") == 0
    assert await connection.fetchval("SELECT count(*) FROM feed_set_aside") == 1
    await connection.close()
