"""A real server: made, continued, recovered, and nothing left behind."""

import os
import select
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from dev import postgres, supervisor
from dev.postgres import PostgresError, PostgresServer

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One for the tests that do no harm to it."""
    with PostgresServer(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("restarted") / "postgres"


@pytest.fixture
def server(directory: Path) -> Iterator[PostgresServer]:
    """Not started; its data is whatever the tests before left, which is what it must cope with."""
    own = PostgresServer(directory)
    yield own
    own.stop()


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_it_is_the_version_that_production_runs(made: PostgresServer) -> None:
    assert str(await ask(made.url("postgres"), "SHOW server_version")).startswith("18.")


async def test_it_listens_on_the_loopback_and_nowhere_else(made: PostgresServer) -> None:
    assert await ask(made.url("postgres"), "SHOW listen_addresses") == "127.0.0.1"
    assert await ask(made.url("postgres"), "SHOW unix_socket_directories") == ""


async def test_a_database_is_its_owners_alone(made: PostgresServer) -> None:
    for role in ("owner", "stranger", "owner"):
        made.create_role(role)
    made.create_database("owned", owner="owner")

    assert made.has_database("owned")
    assert not made.has_database("other")
    assert await ask(made.url("owned", "owner"), "SELECT current_user") == "owner"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(made.url("owned", "stranger"), "SELECT 1")


async def test_a_role_without_its_password_stays_out(made: PostgresServer) -> None:
    made.create_role("careful")
    url = made.url("postgres", "careful").replace(made.password("careful"), "guess")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(url, "SELECT 1")


async def test_a_database_is_made_from_a_template_and_dropped(made: PostgresServer) -> None:
    made.create_database("pattern")
    await ask(made.url("pattern"), "CREATE TABLE kept AS SELECT 42 AS answer")
    made.create_database("cloned", template="pattern")

    assert await ask(made.url("cloned"), "SELECT answer FROM kept") == 42
    made.drop_database("cloned")
    made.drop_database("cloned")
    assert not made.has_database("cloned")


def test_names_are_quoted(made: PostgresServer) -> None:
    name = """it's "odd"; DROP DATABASE postgres"""
    made.create_role(name)
    made.create_database(name, owner=name)

    assert made.has_database(name)


def test_a_database_that_is_there_is_an_error_that_says_so(made: PostgresServer) -> None:
    made.create_database("twice")

    with pytest.raises(PostgresError, match="already exists"):
        made.create_database("twice")


async def test_data_and_passwords_survive_a_restart(server: PostgresServer) -> None:
    server.start()
    server.create_role("erin")
    server.create_database("hours", owner="erin")
    await ask(server.url("hours", "erin"), "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()

    again = PostgresServer(server.directory)
    with again:
        assert await ask(again.url("hours", "erin"), "SELECT answer FROM kept") == 42


def test_starting_and_stopping_twice_changes_nothing(server: PostgresServer) -> None:
    server.start()
    process = server.process
    server.start()
    assert server.process is process
    server.stop()
    server.stop()
    assert process is not None
    assert process.returncode == 0


async def test_it_recovers_when_the_server_was_killed(server: PostgresServer) -> None:
    server.start()
    await ask(server.url("postgres"), "CREATE TABLE committed AS SELECT 42 AS answer")
    held = await asyncpg.connect(server.url("postgres"))
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    held.terminate()

    again = PostgresServer(server.directory)
    with again:
        assert await ask(again.url("postgres"), "SELECT answer FROM committed") == 42


def test_a_lock_that_names_another_programs_process_is_stale(server: PostgresServer) -> None:
    server.start()
    lock = server.directory / "data" / "postmaster.pid"
    content = lock.read_text().splitlines()
    server.stop()
    # Of the server's own user: PostgreSQL takes that for a server that runs.
    owner = lock.parent.stat()
    account = supervisor.Account(owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None
    reading, writing = os.pipe()
    other = supervisor.start(
        ["sh", "-c", "echo up; exec sleep 60"], output=writing, account=account
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        assert output.readline() == b"up\n"  # by now it is that user's
    try:
        lock.write_text("\n".join([str(other.pid), *content[1:]]))
        server.start()
    finally:
        supervisor.stop(other, grace_seconds=5)


def test_an_interrupted_first_start_is_repeated(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, durable=False)
    server.start()
    server.stop()
    data = (tmp_path / "data").resolve()
    data.rename(data.with_name("data.new"))

    server.start()
    server.stop()

    assert not data.with_name("data.new").exists()


def test_two_servers_on_one_port_are_distinguished(made: PostgresServer, tmp_path: Path) -> None:
    second = PostgresServer(tmp_path, made.port, durable=False)

    with pytest.raises(PostgresError, match="could not create any TCP/IP sockets"):
        second.start()


def test_the_server_ends_when_its_parent_is_killed(directory: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("no other kernel tells a child that its parent died")
    program = (
        "import sys; from pathlib import Path; from dev.postgres import PostgresServer\n"
        "server = PostgresServer(Path(sys.argv[1]), durable=False); server.start()\n"
        "print(server.process.pid, flush=True); sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        watch = os.pidfd_open(child)
        parent.kill()
    try:
        # Readable when the process has ended.
        assert select.select([watch], [], [], 20)[0]
    finally:
        os.close(watch)
    # And what it wrote at last was a clean end, so that nothing needs recovering.
    assert (directory / "postgres.log").read_text().endswith("database system is shut down\n")


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root must run it as somebody else")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that everybody may pass through, as /var/lib is and pytest's are not."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="exampleco-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_as_root_the_server_is_somebody_else_and_no_folder_is_opened_up(
    tmp_path: Path, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "REACHABLE", reachable)
    # As if everything were in a closed folder, the programs too.
    monkeypatch.setattr(postgres, "_reaches", lambda *_: False)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    gone = reachable / "postgres" / "gone"
    gone.mkdir(parents=True)
    gone.joinpath("origin").write_text(str(tmp_path / "removed-checkout"))
    half_removed = reachable / "postgres" / "half-removed"
    half_removed.mkdir()

    for _time in range(2):
        with PostgresServer(closed, durable=False) as server:
            assert server.process is not None
            process = Path(f"/proc/{server.process.pid}")
            assert process.stat().st_uid != 0
            assert process.joinpath("exe").resolve().is_relative_to(reachable)
            data = (closed / "data").resolve()
            assert data.is_relative_to(reachable)
            assert stat.S_IMODE(data.stat().st_mode) == 0o700
            assert not server.has_database("other")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert not gone.exists()
    assert not half_removed.exists()


@as_root
def test_a_directory_that_was_removed_and_made_again_has_no_data(
    tmp_path: Path, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "REACHABLE", reachable)
    monkeypatch.setattr(postgres, "_reaches", lambda *_: False)
    directory = tmp_path / "postgres"
    for _time in range(2):
        with PostgresServer(directory, durable=False) as server:
            assert not server.has_database("earlier")
            server.create_database("earlier")
        shutil.rmtree(directory)
