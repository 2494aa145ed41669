"""The change log: append-only, chained, and checked against tampering."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from libs.changes.log import (
    Actor,
    Change,
    ChangeAnswer,
    ChangeFilter,
    difference,
    list_changes,
    record_changes,
)
from libs.changes.schema import CHANGES_V1_DOWN, CHANGES_V1_UP
from libs.changes.verification import check_changes
from tests.conftest import Databases
from tests.support.plans import explain

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADA = Actor("auth0|ada", "portal")


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.empty()


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(url)
    await opened.execute(CHANGES_V1_UP)
    yield opened
    await opened.close()


def change(subject: str = "auth0|erin", **fields: Any) -> Change:
    values = {"before": {"manager": None}, "after": {"manager": "auth0|max"}, **fields}
    return Change("person", subject, "changed", ADA, AT, **values)


async def record(connection: asyncpg.Connection, *changes: Change) -> None:
    async with connection.transaction():
        await record_changes(connection, changes)


async def everything(connection: asyncpg.Connection, **conditions: Any) -> list[ChangeAnswer]:
    filters = ChangeFilter(datetime(9999, 1, 1, tzinfo=UTC), 0, 50, **conditions)
    return [ChangeAnswer.of(row) for row in await list_changes(connection, filters)]


async def test_rows_are_numbered_and_carry_the_digest_of_the_row_before(
    connection: asyncpg.Connection,
) -> None:
    await record(connection, change(), change(reason="Promotion"))
    await record(connection, change("auth0|carl", before=None))
    third, second, first = await everything(connection)

    assert [row.number for row in (first, second, third)] == [1, 2, 3]
    assert first.previous == "0" * 64
    assert (second.previous, third.previous) == (first.sha256, second.sha256)
    assert (first.actor, first.client, first.after) == (
        "auth0|ada",
        "portal",
        {"manager": "auth0|max"},
    )


async def test_anybody_can_compute_the_digest_from_the_answer(
    connection: asyncpg.Connection,
) -> None:
    await record(connection, change(after={"since": AT.date(), "name": "Ünsal", "n": 3}))
    (answer,) = await everything(connection)
    members = msgspec.json.decode(msgspec.json.encode(answer))
    expected = members.pop("sha256")
    members["at"] = "2026-11-23T12:00:00.000000Z"
    canonical = msgspec.json.encode(members, order="sorted")

    assert hashlib.sha256(canonical).hexdigest() == expected


async def test_rows_are_found_by_subject_actor_and_time(connection: asyncpg.Connection) -> None:
    await record(connection, change(), change("auth0|carl"))

    assert [row.subject for row in await everything(connection, subject="auth0|carl")] == [
        "auth0|carl"
    ]
    assert len(await everything(connection, actor="auth0|ada")) == 2
    assert await everything(connection, actor="auth0|eve") == []
    assert await everything(connection, since=AT.replace(hour=13)) == []


async def test_writers_at_the_same_time_leave_one_chain(
    connection: asyncpg.Connection, url: str
) -> None:
    others = [await asyncpg.connect(url) for _ in range(5)]
    await asyncio.gather(*(record(other, change(), change()) for other in others))
    await asyncio.gather(*(other.close() for other in others))

    assert (await check_changes(connection)).checked == "10 changes are as written"


async def test_a_transaction_that_is_undone_leaves_no_gap(connection: asyncpg.Connection) -> None:
    undone = connection.transaction()
    await undone.start()
    await record_changes(connection, [change()])
    await undone.rollback()
    await record(connection, change())

    assert [row.number for row in await everything(connection)] == [1]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE changes SET actor = 'auth0|eve'", "DELETE FROM changes", "TRUNCATE changes"],
)
async def test_the_database_refuses_to_rewrite_the_log(
    connection: asyncpg.Connection, statement: str
) -> None:
    await record(connection, change())

    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        (
            "UPDATE changes SET actor = 'auth0|eve' WHERE number = 2",
            "change 3: the row before it is not as written",
        ),
        (
            "UPDATE changes SET after = '{}' WHERE number = 3",
            "change 3 is not the one written last",
        ),
        ("DELETE FROM changes WHERE number = 1", "change 1 is missing"),
        ("DELETE FROM changes WHERE number = 2", "change 2 is missing"),
        ("DELETE FROM changes WHERE number = 3", "change 2 is not the one written last"),
        ("DELETE FROM changes", "change 0 is not the one written last"),
    ],
)
async def test_the_check_finds_what_an_intruder_changed(
    connection: asyncpg.Connection, statement: str, broken: str
) -> None:
    await record(connection, change(), change(), change())
    assert (await check_changes(connection)).broken is None
    await connection.execute(f"SET session_replication_role = replica; {statement}")

    assert (await check_changes(connection)).broken == broken


@pytest.mark.parametrize("conditions", [{}, {"subject": "auth0|erin"}, {"actor": "auth0|ada"}])
async def test_every_list_uses_an_index(
    connection: asyncpg.Connection, conditions: dict[str, str]
) -> None:
    statement, arguments = ChangeFilter(AT, 0, 50, **conditions, since=AT).statement()
    await connection.execute("SET enable_seqscan = off; SET enable_sort = off")
    plan = await explain(connection, statement, arguments)

    assert "Index Scan Backward" in plan


def test_a_difference_names_only_what_differs() -> None:
    assert difference({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": None}) == ({"b": 2}, {"b": 3})


async def test_the_tables_can_be_taken_down_again(connection: asyncpg.Connection) -> None:
    await connection.execute(CHANGES_V1_DOWN)
    await connection.execute(CHANGES_V1_UP)
