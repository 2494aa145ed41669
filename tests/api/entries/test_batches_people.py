"""The person that a row of a file names by sub, e-mail address or external id."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from tests.api.entries.agency import CSV, NDJSON, Agency, counts, learn, removed, row


async def test_an_external_id_of_a_leaver_and_an_active_person_names_the_active_one(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    shared = row(1, person="A-1")
    await learn(connection, "erin", external_ids={"agency": "A-1"})
    assert counts(await agency.send([shared])) == (1, 0, 0, 0)
    await learn(connection, "erin", external_ids={"agency": "A-1"}, active=False)
    await learn(connection, "carl", external_ids={"agency": "A-1"})
    assert counts(await agency.send([shared, row(2, person="A-1")])) == (1, 0, 1, 0)
    owners = await connection.fetch("SELECT person FROM entries ORDER BY external_id")
    assert [owner for (owner,) in owners] == ["auth0|erin", "auth0|carl"]
    reply = await agency.send([row(1, person="A-1", minutes=5)])
    assert await agency.errors(reply) == [(1, "external_id", "other_person")]


async def test_a_leavers_sub_never_names_the_person_whose_external_id_it_is(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    """As after a rehire, when the new account carries the old sub as an external id."""
    named = row(1, person="auth0|erin")
    assert counts(await agency.send([named])) == (1, 0, 0, 0)
    await learn(connection, "carl", external_ids={"former": "auth0|erin"})
    changes: tuple[dict[str, Any], ...] = (
        {"active": False},
        {"active": False, "uploaders": []},
        {"uploaders": []},
    )
    for left in changes:
        await learn(connection, "erin", **left)
        code = "unknown_person" if "uploaders" in left else "inactive_person"
        reply = await agency.send([named, row(2, person="auth0|erin")])
        assert await agency.errors(reply) == [(2, "person", code)]
        complete = await agency.send([named], "?complete=2026-11-01..2026-11-30")
        assert (counts(complete), removed(complete)) == ((0, 0, 1, 0), 0)
    owners = await connection.fetch("SELECT DISTINCT person FROM entries")
    assert [owner for (owner,) in owners] == ["auth0|erin"]


async def test_a_row_sent_by_an_external_id_stays_unchanged_when_that_becomes_a_sub(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    await learn(connection, "carl", external_ids={"agency": "auth0|new"})
    named = row(1, person="auth0|new")
    assert counts(await agency.send([named])) == (1, 0, 0, 0)
    await learn(connection, "new", active=False)
    assert counts(await agency.send([named])) == (0, 0, 1, 0)
    reply = await agency.send([row(1, person="auth0|new", minutes=5)])
    assert await agency.errors(reply) == [(1, "external_id", "other_person")]


@pytest.mark.parametrize("kind", [NDJSON, CSV])
async def test_subs_that_differ_by_composition_only_are_two_people(
    agency: Agency, connection: asyncpg.Connection, kind: str
) -> None:
    composed, apart = "auth0|Mü", "auth0|Mu\u0308"
    await learn(connection, "Mü", email=None, external_ids={})
    await learn(connection, "Mu\u0308", email=None, external_ids={})
    if kind == CSV:
        text = f"external_id,person,date,project,minutes\nrow-1,{apart},2026-11-23,APOLLO,60"
        assert counts(await agency.send_csv(text)) == (1, 0, 0, 0)
    else:
        assert counts(await agency.send([row(1, person=apart, note="ü")])) == (1, 0, 0, 0)
    assert await connection.fetchval("SELECT person FROM entries") == apart
    await learn(connection, "Mu\u0308", email=None, external_ids={}, uploaders=[])
    reply = await agency.send([row(2, person=apart), row(3, person=f" {composed}")])
    assert await agency.errors(reply) == [
        (1, "person", "unknown_person"),
        (2, "person", "unknown_person"),
    ]


async def test_emails_and_external_ids_are_found_however_they_are_written(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    await learn(connection, "mu", email="mü@exampleco.com", external_ids={"agency": "Mü"})
    rows = [row(1, person=" MU\u0308@exampleco.com "), row(2, person="Mu\u0308\t")]
    assert counts(await agency.send(rows)) == (2, 0, 0, 0)
    assert counts(await agency.send(rows)) == (0, 0, 2, 0)
    assert counts(await agency.send([row(3, person="\u00a0 ")], "?on_error=skip")) == (0, 0, 0, 1)
