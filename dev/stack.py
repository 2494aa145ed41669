"""The whole system on one machine: started in parallel, watched, stopped in reverse."""

import asyncio
import base64
import fcntl
import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import aiohttp
import msgspec

from dev.gateway import Gateway
from dev.issuer.state import machine_secrets, write_private
from dev.ports import HOST
from dev.postgres import PostgresServer
from dev.processes import Child, ChildError, Children
from dev.sample_data import AUDIENCE, DOCS_CLIENT, PORTAL_CLIENT, SERVICES
from dev.seed import Loader
from dev.settings import Ports

ROOT = Path(__file__).parent.parent
READY_TIMEOUT = 60.0
# The processes of a killed stack need a moment to end.
GRACE_SECONDS = 15.0
POLL = 0.02
NOTIFY_INTERVAL = 60.0


class StackError(Exception):
    """The stack cannot run; one line says why."""


class Addresses(msgspec.Struct, frozen=True):
    """The addresses of the programs, stored in `stack.json` while the stack runs."""

    pid: int
    gateway: str
    issuer: str
    audience: str
    services: dict[str, str]
    portal: str
    admin: dict[str, str]
    postgres: str
    databases: dict[str, str]
    logs: str
    record: str
    mail: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the stack."""

    name: str

    @property
    def module(self) -> str:
        """The module that starts it."""
        return self.name if self.name == "portal" else f"services.{self.name}"

    @property
    def port(self) -> str:
        """The variable that says where it listens."""
        return f"{self.name.upper()}_PORT"

    @property
    def admin_port(self) -> str:
        """The variable with the port of health and metrics."""
        return f"{self.name.upper()}_ADMIN_PORT"

    @property
    def exists(self) -> bool:
        """Whether this checkout has the service."""
        return (ROOT / "services" / self.name / "__main__.py").exists()


PORTAL = Service("portal")


class Stack:
    """The whole system on this machine, kept in one directory."""

    def __init__(
        self,
        directory: Path,
        environ: Mapping[str, str],
        *,
        empty: bool = False,
        today: Callable[[], date] = date.today,
        progress: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self._directory = directory.absolute()
        self._logs = self._directory / "logs"
        self._record = self._directory / "stack.json"
        self._environ = environ
        self._empty = empty
        self._today = today
        self._progress = progress
        self._ports = Ports.read(environ)
        self._services = [Service(name) for name in SERVICES if Service(name).exists]
        self._secrets = machine_secrets(self._directory / "issuer" / "clients.json")
        self._issuer = f"http://{HOST}:{self._ports['ISSUER_PORT']}/"
        self._postgres = PostgresServer(
            self._directory / "postgres",
            self._ports["POSTGRES_PORT"],
            log=self._logs / "postgres.log",
        )
        self._gateway = Gateway(self._directory / "gateway", self._ports["GATEWAY_PORT"])

    async def run(self, on_ready: Callable[[Addresses], None]) -> None:
        """Until a signal asks to stop.

        SettingsError or StackError when it cannot begin, ChildError when a program of the stack
        ends on its own. Existing data stays.
        """
        stop_requested = _stop_signal()
        with _only_one(self._directory):
            # A record without a stack: that one was killed.
            self._ports.check_free(
                self._unused_ports(), GRACE_SECONDS if self._record.exists() else 0.0
            )
            children = Children(self._logs, ROOT)
            try:
                await self._serve(children, stop_requested, on_ready)
            finally:
                self._progress("Stopping")
                self._tear_down(children)
                self._record.unlink(missing_ok=True)

    async def _serve(
        self,
        children: Children,
        stop_requested: asyncio.Future[None],
        on_ready: Callable[[Addresses], None],
    ) -> None:
        ending = (stop_requested, children.lost)
        up = asyncio.create_task(self._bring_up(children))
        await asyncio.wait((up, *ending), return_when=asyncio.FIRST_COMPLETED)
        if not any(event.done() for event in ending):
            up.result()
            children.keeps_alive = True
            on_ready(self._addresses())
            notifying = asyncio.create_task(self._notify_regularly(children))
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            notifying.cancel()
            await asyncio.gather(notifying, return_exceptions=True)
        up.cancel()
        await asyncio.gather(up, return_exceptions=True)
        if children.lost.done() and not stop_requested.done():
            raise children.lost.result().failure()

    async def _bring_up(self, children: Children) -> None:
        self._progress("Starting PostgreSQL")
        self._start_issuer(children)
        self._start_gateway(children)
        self._start_mail(children)
        self._start_postgres(children)
        write_private(self._record, msgspec.json.format(msgspec.json.encode(self._addresses())))
        self._progress("Migrating the databases")
        programs = [*self._services, PORTAL]
        await asyncio.gather(*(self._migrate(children, program) for program in programs))
        self._progress("Starting the services")
        for program in programs:
            self._start_service(children, program)
        async with aiohttp.ClientSession() as session:
            await self._wait_until_ready(session)
            if not self._empty:
                await self._load_company(session)

    async def _wait_until_ready(self, session: aiohttp.ClientSession) -> None:
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                await asyncio.gather(
                    self._gateway.ready(),
                    _answers(session, f"{self._addresses().mail}/"),
                    _answers(session, f"{self._issuer}.well-known/openid-configuration"),
                    *(_answers(session, f"{at}/readyz") for at in self._addresses().admin.values()),
                )
        except TimeoutError:
            raise StackError(
                f"Not ready after {READY_TIMEOUT:.0f} seconds; {self._logs} may say why."
            ) from None

    def _start_issuer(self, children: Children) -> Child:
        directory, port = self._directory / "issuer", self._ports["ISSUER_PORT"]
        arguments = ["dev.issuer", "--port", str(port), "--directory", str(directory)]
        return children.start("issuer", arguments, self._environ)

    def _start_gateway(self, children: Children) -> None:
        log = children.log("gateway")
        addresses = self._addresses()
        backends = {name: [url] for name, url in addresses.services.items()}
        backends[PORTAL.name] = [addresses.portal]
        children.watch(Child("gateway", self._gateway.start(backends, log), log))

    def _start_mail(self, children: Children) -> None:
        ports = [str(self._ports[variable]) for variable in ("MAIL_PORT", "SMTP_PORT")]
        arguments = ["dev.mail", "--port", ports[0], "--smtp-port", ports[1]]
        arguments += ["--directory", str(self._directory / "mail")]
        children.start("mail", arguments, self._environ, is_restarted=True)

    async def _notify_regularly(self, children: Children) -> None:
        """As the CronJob does; a run that fails is repeated by the next."""
        approvals = Service("approvals")
        environ = {
            **self._service_environ(approvals),
            "SMTP_URL": f"smtp://{HOST}:{self._ports['SMTP_PORT']}",
            "MAIL_FROM": "ExampleCo Timesheets <timesheets@exampleco.com>",
            "PORTAL_URL": self._gateway.url,
        }
        while True:
            with suppress(ChildError):
                await children.finish("notify", [approvals.module, "notify"], environ)
            await asyncio.sleep(NOTIFY_INTERVAL)

    def _start_postgres(self, children: Children) -> None:
        children.log("postgres")
        self._postgres.start()
        if self._postgres.process is not None:
            children.watch(Child("postgres", self._postgres.process, self._postgres.log))
        for service in [*self._services, PORTAL]:
            if not self._postgres.has_database(service.name):
                self._postgres.create_role(service.name)
                self._postgres.create_database(service.name, owner=service.name)

    async def _migrate(self, children: Children, service: Service) -> None:
        await children.finish(
            f"migrate-{service.name}",
            ["libs.postgres", "migrate", service.module],
            self._service_environ(service),
        )

    def _start_service(self, children: Children, service: Service) -> Child:
        environ = self._service_environ(service)
        return children.start(service.name, [service.module], environ, is_restarted=True)

    def _service_environ(self, service: Service) -> dict[str, str]:
        """The shell's variables, such as LOG_LEVEL, overridden where parts must fit together."""
        client_id = f"service-{service.name}"
        preferred = {"LOG_FORMAT": "console", "SHUTDOWN_DELAY": "0", "SHUTDOWN_TIMEOUT": "5"}
        return {
            **preferred,
            **self._environ,
            "HOST": HOST,
            "PORT": str(self._ports[service.port]),
            "ADMIN_PORT": str(self._ports[service.admin_port]),
            "DATABASE_URL": self._postgres.url(service.name, service.name),
            "AUTH_ISSUER": self._issuer,
            "AUTH_AUDIENCE": AUDIENCE,
            **(self._portal_environ() if service is PORTAL else {}),
            "M2M_CLIENT_ID": client_id,
            "DOCS_CLIENT_ID": DOCS_CLIENT,
            "FULL_FEED_CLIENTS": ",".join(f"service-{name}" for name in SERVICES),
            "M2M_CLIENT_SECRET": self._secrets.get(client_id, ""),
            "M2M_TOKEN_URL": f"{self._issuer}oauth/token",
            **{
                f"{name.upper()}_URL": f"http://{HOST}:{self._ports[Service(name).port]}"
                for name in SERVICES
            },
        }

    def _portal_environ(self) -> dict[str, str]:
        """Its browser sessions survive a restart of the stack."""
        keys = self._directory / "portal" / "session-key"
        if not keys.exists():
            write_private(keys, base64.urlsafe_b64encode(secrets.token_bytes(32)))
        return {
            "PORTAL_URL": self._gateway.url,
            "API_URL": self._gateway.url,
            "AUTH_CLIENT_ID": PORTAL_CLIENT,
            "AUTH_CLIENT_SECRET": self._secrets[PORTAL_CLIENT],
            "SESSION_KEYS": keys.read_text(),
        }

    async def _load_company(self, session: aiohttp.ClientSession) -> None:
        """Once for each service: what people did since is theirs."""
        note = self._directory / "postgres" / "loaded.json"
        loaded: list[str] = msgspec.json.decode(note.read_bytes()) if note.exists() else []
        missing = [service.name for service in self._services if service.name not in loaded]
        if missing:
            self._progress("Loading the sample company")
            loader = Loader(session, self._gateway.url, self._issuer, self._today())
            async for name in loader.load(missing):
                loaded.append(name)
                note.write_bytes(msgspec.json.encode(loaded))

    def _tear_down(self, children: Children) -> None:
        children.release("gateway")
        children.release("postgres")
        self._gateway.stop()
        children.stop(keep=["issuer"])
        children.stop()
        self._postgres.stop()

    def _addresses(self) -> Addresses:
        def at(port: str) -> str:
            return f"http://{HOST}:{self._ports[port]}"

        return Addresses(
            pid=os.getpid(),
            gateway=self._gateway.url,
            issuer=self._issuer,
            audience=AUDIENCE,
            services={service.name: at(service.port) for service in self._services},
            portal=at(PORTAL.port),
            admin={program.name: at(program.admin_port) for program in [*self._services, PORTAL]},
            databases={
                program.name: self._postgres.url(program.name, program.name)
                for program in [*self._services, PORTAL]
            },
            postgres=f"{HOST}:{self._ports['POSTGRES_PORT']}",
            logs=str(self._logs),
            record=str(self._record),
            mail=at("MAIL_PORT"),
        )

    def _unused_ports(self) -> set[str]:
        missing = {Service(name) for name in SERVICES} - set(self._services)
        return {variable for service in missing for variable in (service.port, service.admin_port)}


def read_addresses(directory: Path) -> Addresses:
    """Read the addresses of the running stack. Raises `StackError` if none runs."""
    try:
        return msgspec.json.decode((directory / "stack.json").read_bytes(), type=Addresses)
    except FileNotFoundError:
        raise StackError("The stack does not run: start it with `make run`.") from None


def _stop_signal() -> asyncio.Future[None]:
    """Done at the first signal that asks to stop: Ctrl-C, kill, the terminal closed."""
    loop = asyncio.get_running_loop()
    stop_signal: asyncio.Future[None] = loop.create_future()

    def ask() -> None:
        if not stop_signal.done():
            stop_signal.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, ask)
    return stop_signal


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"The stack already runs on {directory}.") from None
        yield


async def _answers(session: aiohttp.ClientSession, address: str) -> None:
    """Wait until the address answers with 200."""
    while True:
        try:
            async with session.get(address) as response:
                if response.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(POLL)
