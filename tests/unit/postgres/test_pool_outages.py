"""The pool while the database is gone, demoted or full."""

import asyncio
import time
from dataclasses import replace

import asyncpg
import pytest
from structlog.testing import capture_logs

from libs.postgres.errors import DatabaseUnavailable
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from libs.web.problems import ServiceUnavailable
from tests.support.connections import started
from tests.unit.postgres.polling import ask, until
from tests.unit.postgres.relay import Relay


async def eventually_answers(db: Database) -> float:
    """The seconds until there is an answer again."""
    began = time.monotonic()
    while True:
        try:
            await ask(db)
            return time.monotonic() - began
        except ServiceUnavailable:
            await asyncio.sleep(0.01)


async def test_without_the_database_requests_are_refused_at_once_and_it_is_found_again_within_2_s(
    relayed: Database, relay: Relay
) -> None:
    await ask(relayed)
    await relay.down()
    with pytest.raises(ServiceUnavailable):
        await ask(relayed)

    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(DatabaseUnavailable) as refused:
            await ask(relayed)
    assert time.monotonic() - began < 0.5
    assert refused.value.headers == {"Retry-After": "1"}
    assert not relayed.available

    await relay.up()
    assert await eventually_answers(relayed) < 2
    assert relayed.available


async def test_during_an_outage_only_one_task_tries_to_connect(
    settings: DatabaseSettings, relay: Relay
) -> None:
    async with started(replace(settings, dsn=relay.url, connect_timeout=0.1)) as db:
        relay.on_request = lambda _sent: False  # connections are taken, and then nothing
        relay.cut()
        await asyncio.gather(*(ask(db) for _ in range(4)), return_exceptions=True)
        accepted = relay.accepted

        errors = await asyncio.gather(*(ask(db) for _ in range(50)), return_exceptions=True)

        assert {type(refusal) for refusal in errors} == {DatabaseUnavailable}
        assert relay.accepted - accepted <= 1


async def test_a_network_that_drops_everything_is_detected(
    settings: DatabaseSettings, relay: Relay
) -> None:
    impatient = replace(
        settings, dsn=relay.url, command_timeout=0.1, connect_timeout=0.1, max_wait=0.1
    )
    async with started(impatient) as db:
        relay.freeze()
        with pytest.raises(ServiceUnavailable):
            await ask(db)
        relay.cut()
        relay.thaw()
        assert await eventually_answers(db) < 2


async def test_an_outage_is_logged_once_and_its_end_too(relayed: Database, relay: Relay) -> None:
    with capture_logs() as lines:
        await relay.down()
        for _ in range(20):
            with pytest.raises(ServiceUnavailable):
                await ask(relayed)
        await relay.up()
        await eventually_answers(relayed)

    events = [line["event"] for line in lines]
    assert events == ["the database cannot be reached", "the database is back"]


async def test_every_connection_to_a_demoted_server_is_closed(db: Database) -> None:
    async def write_where_it_is_forbidden(connection: asyncpg.Connection) -> int:
        pids.append(connection.get_server_pid())
        if len(pids) == 1:
            await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("CREATE TABLE notes ()")
        return len(pids)

    pids: list[int] = []
    async with db.connection() as first, db.connection() as second:
        old = {first.get_server_pid(), second.get_server_pid()}

    assert await db.transact(write_where_it_is_forbidden) == 2
    async with db.connection() as first, db.connection() as second:
        new = {first.get_server_pid(), second.get_server_pid()}
    assert not old & new


async def test_a_statement_between_the_servers_last_message_and_the_end_is_unavailable(
    relayed: Database, relay: Relay, db: Database
) -> None:
    def hear(sent: bytes) -> bool:
        messages.append(sent)
        return True

    async def copy(connection: asyncpg.Connection) -> None:
        await connection.copy_records_to_table("notes", records=[(1,)])

    async def copy_to_a_session_that_ends() -> None:
        async with relayed.connection() as connection:
            await copy(connection)
            relay.passes_ends, relay.on_answer = False, hear
            await ask(db, "SELECT pg_terminate_backend($1)", connection.get_server_pid())
            await until(lambda: any(b"57P01" in sent for sent in messages))
            await asyncio.sleep(0.01)  # from the relay to the client
            await copy(connection)

    messages: list[bytes] = []
    await ask(db, "CREATE TABLE notes (number integer)")
    with pytest.raises(DatabaseUnavailable):
        await copy_to_a_session_that_ends()
    await relayed.transact(copy)
    assert await ask(db, "SELECT count(*) FROM notes") == 2
    relay.cut()  # stopping would wait for the session that has ended


async def test_a_transaction_whose_session_ends_between_two_statements_is_repeated(
    relayed: Database, relay: Relay, db: Database
) -> None:
    messages: list[bytes] = []
    sessions: list[int] = []

    def hear(sent: bytes) -> bool:
        messages.append(sent)
        return True

    async def work(connection: asyncpg.Connection) -> None:
        await connection.copy_records_to_table("notes", records=[(1,)])
        sessions.append(connection.get_server_pid())
        if len(sessions) == 1:
            relay.passes_ends, relay.on_answer = False, hear
            await ask(db, "SELECT pg_terminate_backend($1)", sessions[0])
            await until(lambda: any(b"57P01" in sent for sent in messages))
            await asyncio.sleep(0.01)  # from the relay to the client
        # COPY leaves the connection busy, so ROLLBACK fails with an error of its own.
        await connection.copy_records_to_table("notes", records=[(2,)])

    await ask(db, "CREATE TABLE notes (number integer)")
    await relayed.transact(work)
    assert len(set(sessions)) == 2
    assert await ask(db, "SELECT count(*) FROM notes") == 2
    relay.cut()  # stopping would wait for the session that has ended


async def test_a_server_without_a_free_connection_is_not_an_outage(
    settings: DatabaseSettings, url: str
) -> None:
    admin = await asyncpg.connect(url)
    await admin.execute("CREATE ROLE limited LOGIN PASSWORD 'limited' CONNECTION LIMIT 1")
    await admin.execute(f"GRANT CONNECT ON DATABASE {url.rpartition('/')[2]} TO limited")
    address = f"postgresql://limited:limited@{url.partition('@')[2]}"
    try:
        async with started(replace(settings, dsn=address)) as db, db.connection() as only:
            with pytest.raises(DatabaseUnavailable):
                await ask(db)
            assert db.available
            assert await only.fetchval("SELECT 1") == 1
    finally:
        await until(lambda: gone(admin, "limited"))
        await admin.execute("DROP OWNED BY limited; DROP ROLE limited")
        await admin.close()


async def gone(admin: asyncpg.Connection, role: str) -> bool:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1"
    return bool(await admin.fetchval(sql, role) == 0)


async def test_a_request_cancelled_while_connecting_leaves_no_trace(
    settings: DatabaseSettings, relay: Relay
) -> None:
    async with started(replace(settings, dsn=relay.url, pool_min=0, pool_max=1)) as db:
        relay.freeze()
        request = asyncio.create_task(ask(db))
        await until(lambda: relay.accepted == 2)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        relay.thaw()

        assert db.in_use == 0
        assert await ask(db) == 1


async def test_the_start_waits_for_the_database_and_logs_it_once(
    settings: DatabaseSettings, relay: Relay
) -> None:
    def cut(_sent: bytes) -> bool:
        relay.cut()
        return False

    relay.on_request = cut
    late = Database(replace(settings, dsn=relay.url))
    with capture_logs() as lines:
        start = asyncio.create_task(late.start())
        await until(lambda: relay.accepted > 3)
        relay.on_request = lambda _sent: True
        await start
    await late.stop()

    assert [line["event"] for line in lines] == [
        "waiting for the database",
        "connected to the database",
    ]
    assert settings.dsn.split(":")[2].split("@")[0] not in str(lines)


async def test_the_start_does_not_wait_for_ever(settings: DatabaseSettings, relay: Relay) -> None:
    await relay.down()

    with pytest.raises(OSError, match="Connect call failed"):
        await Database(replace(settings, dsn=relay.url, start_timeout=0.2)).start()
