"""A deactivated person is refused by every route of every service (design section 3)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from libs.auth import Scope
from libs.postgres.pool import DATABASE
from libs.service.admission import ADMISSION, PersonAccess, record_access
from libs.service.settings import FEED_PREFIXES
from tests.conftest import Guarded
from tests.support.client import Caller, Reply

ALL_SCOPES = " ".join(Scope)
PERSON = "auth0|leaver"


@pytest.fixture
def guarded_read(guarded: Guarded) -> str:
    """An address that any person with every scope may read."""
    return f"/v1/{FEED_PREFIXES[guarded.name]}?limit=1"


async def change(database: str, access: PersonAccess) -> None:
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await record_access(connection, [access])
    finally:
        await connection.close()


async def wait_for(get: Callable[[], Awaitable[Reply]], status: int) -> Reply:
    """Poll until the status; the service refreshes within a second."""
    async with asyncio.timeout(10):
        while (reply := await get()).status != status:
            await asyncio.sleep(0.05)
    return reply


async def test_an_inactive_person_is_refused_by_every_route_until_reactivated(
    guarded: Guarded, guarded_database: str, guarded_read: str
) -> None:
    leaver = guarded.service.caller("leaver", ALL_SCOPES)
    colleague = guarded.service.caller("colleague", ALL_SCOPES)

    await change(guarded_database, PersonAccess(PERSON, False, None, 1))
    refused = await wait_for(lambda: leaver.get(guarded_read), 403)
    statuses = {
        str(route): (await leaver.request(route.method, route.path, json={})).status
        for route in guarded.routes
        if not route.access.public
    }
    await change(guarded_database, PersonAccess(PERSON, True, None, 2))

    assert refused.json["type"].endswith("/inactive")
    assert {route for route, status in statuses.items() if status != 403} == set()
    assert (await colleague.get(guarded_read)).status == 200
    assert (await wait_for(lambda: leaver.get(guarded_read), 200)).status == 200


async def test_a_token_without_scopes_of_an_inactive_person_is_inactive(
    guarded: Guarded, guarded_database: str, guarded_read: str
) -> None:
    leaver = guarded.service.caller("leaver", "openid")

    await change(guarded_database, PersonAccess(PERSON, False, None, 1))
    async with asyncio.timeout(10):
        while not (reply := await leaver.get(guarded_read)).json["type"].endswith("/inactive"):
            assert reply.status == 403
            await asyncio.sleep(0.05)
    problems = {
        str(route): (await leaver.request(route.method, route.path, json={})).json["type"]
        for route in guarded.routes
        if not route.access.public
    }

    assert {name for name, kind in problems.items() if not kind.endswith("/inactive")} == set()


async def test_tokens_issued_before_the_revocation_are_invalid(
    guarded: Guarded, guarded_database: str, guarded_read: str
) -> None:
    now = int(time.time())
    revoked_before = datetime.fromtimestamp(now, UTC)

    def caller(issued_at: int) -> Caller:
        token = guarded.service.token(sub=PERSON, scope=ALL_SCOPES, iat=issued_at)
        return guarded.service.bearer(token)

    await change(guarded_database, PersonAccess(PERSON, True, revoked_before, 1))
    refused = await wait_for(lambda: caller(now - 60).get(guarded_read), 401)

    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert (await caller(now).get(guarded_read)).status == 200


async def test_an_older_version_of_a_person_changes_nothing(guarded_database: str) -> None:
    await change(guarded_database, PersonAccess(PERSON, False, None, 5))
    await change(guarded_database, PersonAccess(PERSON, True, None, 4))

    connection = await asyncpg.connect(guarded_database)
    rows = await connection.fetch("SELECT person, active, version FROM barred_people")
    await connection.close()
    assert [tuple(row) for row in rows] == [(PERSON, False, 5)]


async def test_without_its_database_a_fresh_replica_admits_nobody(
    guarded: Guarded, guarded_read: str
) -> None:
    guarded.app[ADMISSION]._revision = -1  # as before the first load
    await guarded.app[DATABASE].stop()

    reply = await guarded.service.caller("erin", ALL_SCOPES).get(guarded_read)

    assert reply.status == 503
