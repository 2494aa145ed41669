"""Requests that cross. Each race is first shown without the guard, then with it.

Without: the triggers or the index are off, and each side does what a service without them does,
which is to look first and to write then. With: the same steps in the same order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from libs.postgres.errors import ConcurrentUpdate
from libs.rules.violations import RuleBroken
from services.profile import model
from services.profile.model import Person, find_cycle
from services.profile.store import people as store
from services.profile.store.directory import load_person_context
from tests.api.profile.conftest import address, draft, put
from tests.conftest import Databases
from tests.support.client import Caller
from tests.support.connections import connected

Two = tuple[asyncpg.Connection, asyncpg.Connection]

UNGUARDED = "ALTER TABLE people DISABLE TRIGGER USER"
UNINDEXED = "DROP INDEX people_by_email"
MANAGERS = "SELECT person, manager FROM people"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ERIN, MAYA = Person("auth0|erin", "Erin"), Person("auth0|maya", "Maya")


@pytest.fixture
def own_database(databases: Databases) -> str:
    return databases.own("profile")


@pytest.fixture
async def two(own_database: str) -> AsyncIterator[Two]:
    """Two connections to a database with two people in it."""
    async with connected(own_database) as first, connected(own_database) as second:
        for person in (ERIN, MAYA):
            await store.insert_person(first, person)
        yield first, second


async def report(connection: asyncpg.Connection, person: Person, manager: Person) -> None:
    """Check that there is no cycle, then write."""
    changed = replace(person, manager=manager.person)
    context = await load_person_context(connection, changed)
    assert find_cycle(person.person, manager.person, context.managers) == ()
    await store.update_person(connection, changed)


async def waits_for_lock(connection: asyncpg.Connection, other: asyncpg.Connection) -> None:
    """Until PostgreSQL says that the other connection waits."""
    waiting = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
    async with asyncio.timeout(10):
        while not await connection.fetchval(waiting, other.get_server_pid()):
            pass


async def test_without_the_lock_two_changes_create_a_cycle_together(two: Two) -> None:
    first, second = two
    await first.execute(UNGUARDED)
    async with first.transaction(), second.transaction():
        await report(first, ERIN, MAYA)
        await report(second, MAYA, ERIN)
    managers = dict(await first.fetch(MANAGERS))
    assert managers == {"auth0|erin": "auth0|maya", "auth0|maya": "auth0|erin"}


async def test_with_the_guard_the_second_waits_and_is_refused(two: Two) -> None:
    first, second = two
    async with first.transaction():
        await report(first, ERIN, MAYA)
        late = asyncio.create_task(report(second, MAYA, ERIN))
        await waits_for_lock(first, second)
    with pytest.raises(ConcurrentUpdate, match="managers_form_no_circle"):
        await late
    assert await first.fetchval("SELECT manager FROM people WHERE person = 'auth0|maya'") is None
    changed = replace(MAYA, manager=ERIN.person)
    context = await load_person_context(second, changed)
    with pytest.raises(RuleBroken, match="Maya reports to Erin, who reports to Maya"):
        model.check_person(changed, MAYA, context, NOW)


async def test_with_the_lock_a_cycle_through_a_future_person_is_rejected(
    two: Two,
) -> None:
    first, second = two
    mona = Person("auth0|mona", "Mona", manager="auth0|erin")
    await store.update_person(first, replace(MAYA, manager="auth0|mona"))
    async with first.transaction():
        await store.insert_person(first, mona)
        late = asyncio.create_task(report(second, ERIN, MAYA))
        await waits_for_lock(first, second)
    with pytest.raises(ConcurrentUpdate, match="managers_form_no_circle"):
        await late


async def test_without_the_index_two_people_take_one_email(two: Two) -> None:
    first, second = two
    await first.execute(UNINDEXED)
    async with first.transaction(), second.transaction():
        await store.update_person(first, replace(ERIN, email="one@exampleco.com"))
        await store.update_person(second, replace(MAYA, email="ONE@exampleco.com"))
    emails = {row[0].lower() for row in await first.fetch("SELECT email FROM people")}
    assert emails == {"one@exampleco.com"}


async def test_with_the_index_the_second_waits_and_is_refused(two: Two) -> None:
    first, second = two
    async with first.transaction():
        await store.update_person(first, replace(ERIN, email="one@exampleco.com"))
        taking = replace(MAYA, email="ONE@exampleco.com")
        late = asyncio.create_task(store.update_person(second, taking))
        await waits_for_lock(first, second)
    with pytest.raises(ConcurrentUpdate, match="people_by_email"):
        await late


async def test_an_external_id_that_two_take_at_once_goes_to_the_first(two: Two) -> None:
    first, second = two
    async with first.transaction():
        await store.update_person(first, replace(ERIN, external_ids={"harvest": "1"}))
        taking = replace(MAYA, external_ids={"harvest": "1"})
        late = asyncio.create_task(store.update_person(second, taking))
        await waits_for_lock(first, second)
    with pytest.raises(ConcurrentUpdate, match="external_id_is_unique"):
        await late


async def test_a_transaction_that_waited_for_a_person_sees_the_committed_row(two: Two) -> None:
    first, second = two
    async with second.transaction():
        async with first.transaction():
            await store.lock_person(first, ERIN.person)
            waiting = asyncio.create_task(store.lock_person(second, ERIN.person))
            changed = replace(ERIN, manager="auth0|maya", external_ids={"harvest": "1"})
            await store.update_person(first, changed)
            await waits_for_lock(first, second)
        known = await waiting
    assert known is not None
    assert (known.person.name, known.person.version) == ("Erin", 2)
    assert (known.manager_name, known.person.external_ids) == ("Maya", {"harvest": "1"})


async def test_over_http_one_of_two_changes_that_create_a_cycle_is_rejected(ada: Caller) -> None:
    for number in range(5):
        left, right = f"left{number}", f"right{number}"
        await put(ada, left)
        await put(ada, right)
        replies = await asyncio.gather(
            ada.put(address(left), draft(left, manager=f"auth0|{right}")),
            ada.put(address(right), draft(right, manager=f"auth0|{left}")),
        )
        assert sorted(reply.status for reply in replies) == [200, 422]
        refused = next(reply for reply in replies if reply.status == 422)
        assert refused.codes == {("/manager", "manager_circle")}


async def test_over_http_a_ring_of_ten_is_never_closed(ada: Caller) -> None:
    keys = [f"ring{number}" for number in range(10)]
    for key in keys:
        await put(ada, key)
    replies = await asyncio.gather(
        *(
            ada.put(address(key), draft(key, manager=f"auth0|{keys[number - 1]}"))
            for number, key in enumerate(keys)
        )
    )
    assert sorted(reply.status for reply in replies) == [200] * 9 + [422]


async def test_over_http_one_email_goes_to_one_of_many(ada: Caller) -> None:
    replies = await asyncio.gather(
        *(
            ada.put(address(f"twin{number}"), draft(f"twin{number}", email="twin@exampleco.com"))
            for number in range(6)
        )
    )
    assert sorted(reply.status for reply in replies) == [201] + [422] * 5


async def test_over_http_many_puts_of_one_new_person_make_one(ada: Caller) -> None:
    body = draft("erin", external_ids={"harvest": "1"})
    replies = await asyncio.gather(*(ada.put(address("erin"), body) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [200] * 7 + [201]
    assert {reply.json["version"] for reply in replies} == {1}


async def test_the_database_and_the_model_have_the_same_limits(own_database: str) -> None:
    async with connected(own_database) as connection:
        rules = dict(
            await connection.fetch(
                "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE contype = 'c'"
            )
        )
    assert str(model.MAX_TARGET_MINUTES) in rules["week_has_the_target"]
    assert str(model.MAX_DELEGATION_DAYS - 1) in rules["delegation_has_its_days"]
    for kind in model.Kind:
        assert f"'{kind}'" in rules["person_is_of_a_known_kind"]
