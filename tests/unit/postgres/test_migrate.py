import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest

from libs.postgres import migrate
from libs.postgres.migrate import Package, main, upgrade
from tests.unit.postgres.relay import Relay

ROOT = Path(__file__).parents[3]

FIRST = """
CREATE TABLE notes (id integer PRIMARY KEY, text text NOT NULL);
CREATE FUNCTION shout(text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text := 'at 10:30 :loudly';
BEGIN
    RETURN $1 || said;
END
$$;
"""
SECOND = "ALTER TABLE notes ADD COLUMN done boolean"
BROKEN = "CREATE TABLE more (id integer); SELECT nonsense"

Ask = Callable[[str], object]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a service's migrations, with one in it; the service is called `keeper`."""
    versions = tmp_path / "keeper" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "keeper" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    write(versions, "0001", None, FIRST, "DROP FUNCTION shout(text); DROP TABLE notes")
    yield versions
    sys.modules.pop("keeper", None)


@pytest.fixture
def environ(url: str) -> dict[str, str]:
    return {"DATABASE_URL": url}


@pytest.fixture
def ask(url: str) -> Ask:
    """Ask the database for one value."""

    async def fetch(sql: str) -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return lambda sql: asyncio.run(fetch(sql))


def write(versions: Path, number: str, after: str | None, up: str, down: str) -> None:
    (versions / f"{number}_step.py").write_text(
        "from libs.postgres.migrate import run_sql\n"
        f"revision = {number!r}\n"
        f"down_revision = {after!r}\n"
        f"def upgrade():\n    run_sql({up!r})\n"
        f"def downgrade():\n    run_sql({down!r})\n"
    )


def add_second(versions: Path, up: str = SECOND) -> None:
    write(versions, "0002", "0001", up, "ALTER TABLE notes DROP COLUMN done")


def run(service: Path, url: str, *arguments: str) -> subprocess.Popen[str]:
    environ = os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(service.parents[2])}
    command = [sys.executable, "-m", "libs.postgres", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)


def test_migrating_runs_what_is_missing(
    service: Path, environ: dict[str, str], ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "keeper"], environ) == 0
    assert "ran 0001" in capsys.readouterr().err
    add_second(service)
    assert main(["migrate", "keeper"], environ) == 0
    assert "ran 0002" in capsys.readouterr().err

    assert ask("SELECT shout('Help ')") == "Help at 10:30 :loudly"
    assert ask("SELECT count(done) FROM notes") == 0


@pytest.mark.usefixtures("service")
def test_migrating_again_finds_nothing_to_do(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["migrate", "keeper"], environ)
    capsys.readouterr()

    assert main(["migrate", "keeper"], environ) == 0
    assert "at 0001, nothing to do" in capsys.readouterr().err


def test_a_role_that_serves_may_use_the_tables_and_change_none(
    service: Path, environ: dict[str, str], ask: Ask
) -> None:
    add_second(service, f"{SECOND}; CREATE TABLE more (id integer)")
    ask('CREATE ROLE "Keeper serves"')
    assert main(["migrate", "keeper", "--grant", "Keeper serves"], environ) == 0

    for table in ("notes", "more"):
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            assert ask(f"SELECT has_table_privilege('Keeper serves', '{table}', '{right}')")
        for right in ("TRUNCATE", "TRIGGER"):
            assert not ask(f"SELECT has_table_privilege('Keeper serves', '{table}', '{right}')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        ask("DO $$ BEGIN SET ROLE 'Keeper serves'; DROP TABLE notes; END $$")
    ask('DROP OWNED BY "Keeper serves"')
    ask('DROP ROLE "Keeper serves"')


def test_finding_nothing_to_do_does_not_take_what_is_slow_to_import(
    service: Path, environ: dict[str, str]
) -> None:
    main(["migrate", "keeper"], environ)
    program = (
        "import os, sys; from libs.postgres.migrate import main;"
        "code = main(['migrate', 'keeper'], os.environ);"
        "sys.exit(code or any(name in sys.modules for name in ('alembic', 'aiohttp')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | environ | {"PYTHONPATH": str(service.parents[2])},
        check=False,
    )

    assert done.returncode == 0


def test_several_that_start_at_once_migrate_once(service: Path, url: str, ask: Ask) -> None:
    add_second(service, SECOND + "; SELECT pg_sleep(0.2)")

    migrated = []
    for process in [run(service, url, "migrate", "keeper") for _ in range(3)]:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        migrated.append("ran 0001, ran 0002" in errors)

    assert sorted(migrated) == [False, False, True]
    assert ask("SELECT version_num FROM alembic_version") == "0002"


def test_a_migration_that_fails_leaves_nothing_of_the_whole_run(
    service: Path, environ: dict[str, str], ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    add_second(service, BROKEN)

    assert main(["migrate", "keeper"], environ) == 1

    assert 'column "nonsense" does not exist' in capsys.readouterr().err
    assert ask("SELECT to_regclass('notes')") is None
    assert ask("SELECT to_regclass('alembic_version')") is None


def test_a_migration_gives_up_on_a_table_that_stays_in_use(
    service: Path,
    environ: dict[str, str],
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["migrate", "keeper"], environ)
    add_second(service)
    monkeypatch.setattr("libs.postgres.migrations.LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr("libs.postgres.migrations.LOCK_PAUSE", 0.0)
    monkeypatch.setattr("libs.postgres.migrations.LOCK_RETRY_SECONDS", 2.0)
    # Each look at this clock takes a second, so the number of tries does not depend on the load.
    clock = SimpleNamespace(monotonic=itertools.count().__next__)
    monkeypatch.setattr("libs.postgres.migrations.time", clock)
    with asyncio.Runner() as runner:
        holder = runner.run(asyncpg.connect(url))
        runner.run(holder.execute("BEGIN; LOCK TABLE notes"))
        code = main(["migrate", "keeper"], environ)
        runner.run(holder.close())

    assert code == 1
    printed = capsys.readouterr().err
    assert printed.count("waiting: canceling statement due to lock timeout") == 2
    assert "nothing was changed: tables were in use for 2 s" in printed


@pytest.mark.slow
def test_a_migration_runs_once_the_table_is_free(service: Path, url: str, ask: Ask) -> None:
    main(["migrate", "keeper"], {"DATABASE_URL": url})
    add_second(service)
    with asyncio.Runner() as runner:
        reader = runner.run(asyncpg.connect(url))
        runner.run(reader.execute("BEGIN; SELECT FROM notes"))
        process = run(service, url, "migrate", "keeper")
        assert process.stderr is not None
        assert "waiting: canceling statement due to lock timeout" in process.stderr.readline()
        runner.run(reader.execute("INSERT INTO notes VALUES (1, 'not queued behind it')"))
        runner.run(reader.execute("COMMIT"))
        _, errors = process.communicate()
        runner.run(reader.close())

    assert process.returncode == 0, errors
    assert ask("SELECT count(done IS NULL) FROM notes") == 1


def test_downgrading_reverts_to_a_revision_or_to_nothing(
    service: Path, environ: dict[str, str], ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    add_second(service)
    main(["migrate", "keeper"], environ)

    assert main(["downgrade", "keeper", "0001"], environ) == 0
    assert ask("SELECT version_num FROM alembic_version") == "0001"
    assert main(["downgrade", "keeper", "base"], environ) == 0
    assert ask("SELECT to_regclass('notes')") is None
    assert "reverted 0002" in capsys.readouterr().err


def test_downgrading_drops_rows_only_with_the_flag(
    service: Path, environ: dict[str, str], ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    add_second(service)
    main(["migrate", "keeper"], environ)
    ask("INSERT INTO notes VALUES (1, 'kept')")

    assert main(["downgrade", "keeper", "base"], environ) == 1
    assert "nothing was changed: notes hold rows; --drop-data drops them" in capsys.readouterr().err
    assert ask("SELECT text FROM notes") == "kept"
    assert main(["downgrade", "keeper", "base", "--drop-data"], environ) == 0
    assert ask("SELECT to_regclass('notes')") is None


@pytest.mark.parametrize("target", ["-1", "0007", "head"])
def test_downgrading_needs_a_revision_that_exists(
    target: str,
    service: Path,  # noqa: ARG001 - makes the package
    environ: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["migrate", "keeper"], environ)

    assert main(["downgrade", "keeper", "--drop-data", "--", target], environ) == 1
    assert f"no revision {target}; there are 0001, base" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["downgrade", "keeper", "--drop-data"], environ)


@pytest.mark.usefixtures("service")
def test_privileges_that_are_missing_are_granted_although_nothing_is_to_migrate(
    environ: dict[str, str], ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["migrate", "keeper"], environ)
    ask("CREATE ROLE keeper_serves")
    capsys.readouterr()

    assert main(["migrate", "keeper", "--grant", "keeper_serves"], environ) == 0
    assert "granted to keeper_serves" in capsys.readouterr().err
    assert ask("SELECT has_table_privilege('keeper_serves', 'notes', 'UPDATE')")
    assert main(["migrate", "keeper", "--grant", "keeper_serves"], environ) == 0
    assert "granted" not in capsys.readouterr().err
    ask("REVOKE UPDATE ON notes FROM keeper_serves")
    assert main(["migrate", "keeper", "--grant", "keeper_serves"], environ) == 0
    assert ask("SELECT has_table_privilege('keeper_serves', 'notes', 'UPDATE')")
    ask("DROP OWNED BY keeper_serves")
    ask("DROP ROLE keeper_serves")

    assert main(["migrate", "keeper", "--grant", "keeper_serves"], environ) == 1
    assert 'role "keeper_serves" does not exist' in capsys.readouterr().err


def test_check_fails_until_everything_has_run(
    service: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "keeper"], environ) == 1
    main(["migrate", "keeper"], environ)
    assert main(["check", "keeper"], environ) == 0
    add_second(service)
    assert main(["check", "keeper"], environ) == 1
    assert main(["current", "keeper"], environ) == 0
    assert "at 0001, the newest is 0002" in capsys.readouterr().err


def test_a_database_that_is_ahead_of_this_code_is_left_alone(
    service: Path, environ: dict[str, str], ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a new release rolls out, a pod of the old one may still start."""
    add_second(service)
    main(["migrate", "keeper"], environ)
    (service / "0002_step.py").unlink()

    assert main(["migrate", "keeper"], environ) == 0
    assert "newer than this code (0001)" in capsys.readouterr().err
    assert ask("SELECT version_num FROM alembic_version") == "0002"


@pytest.mark.usefixtures("service")
def test_migrating_from_code_is_the_same(url: str, ask: Ask) -> None:
    upgrade("keeper", url)

    assert ask("SELECT version_num FROM alembic_version") == "0001"


@pytest.mark.usefixtures("service")
def test_the_password_is_never_printed(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(migrate, "CONNECT_SECONDS", 0.1)
    password = url.split(":")[2].split("@")[0]

    assert main(["migrate", "keeper"], {"DATABASE_URL": url.replace(password, "guessed")}) == 1
    assert main(["migrate", "keeper"], {"DATABASE_URL": url}) == 0

    printed = capsys.readouterr().err
    assert "password authentication failed" in printed
    assert password not in printed
    assert "guessed" not in printed


def test_it_waits_a_while_for_the_database(service: Path, url: str, ask: Ask) -> None:
    async def start_too_early() -> tuple[int, str]:
        async with Relay(url) as relay:
            await relay.down()
            process = run(service, relay.url, "migrate", "keeper")
            assert process.stderr is not None
            line = await asyncio.to_thread(process.stderr.readline)
            assert line.startswith("waiting: ")
            await relay.up()
            _, errors = await asyncio.to_thread(process.communicate)
            return process.returncode, errors

    code, errors = asyncio.run(start_too_early())

    assert code == 0, errors
    assert ask("SELECT version_num FROM alembic_version") == "0001"


@pytest.mark.parametrize(
    ("package", "reason"),
    [("nowhere", "there is no package"), ("nowhere.at.all", "no package"), ("json", "has no migr")],
)
def test_a_package_without_migrations_is_reported(
    package: str, reason: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", package], environ) == 2
    assert reason in capsys.readouterr().err


def test_missing_settings_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "services.entries"], {}) == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err


SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/migrations"))


@pytest.mark.parametrize("name", SERVICES)
def test_every_migration_of_a_service_can_be_run_taken_back_and_run_again(
    name: str, environ: dict[str, str], ask: Ask
) -> None:
    package = f"services.{name}"
    revisions = Package.find(package).revisions
    main(["migrate", package], environ)
    for revision, before in zip(reversed(revisions), [*revisions[-2::-1], "base"], strict=True):
        assert ask("SELECT version_num FROM alembic_version") == revision
        assert main(["downgrade", package, before, "--drop-data"], environ) == 0
    left = ask(
        "SELECT string_agg(oid::regclass::text, ' ') FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relname !~ '^alembic_version'"
    )
    functions = ask("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    assert (left, functions) == (None, 0)
    assert main(["migrate", package], environ) == 0
