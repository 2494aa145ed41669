"""The stack of `make run` as a program of its own, and those who call it."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp
import pytest

from dev.sample_data import PEOPLE
from dev.settings import PORTS
from dev.stack import Addresses, read_addresses
from tests.unit.dev.client import CALLBACK, VERIFIER, authorization

ROOT = Path(__file__).parents[2]
FREE = {variable: "0" for variable, _who, _default in PORTS}
GRACE_SECONDS = 60


@dataclass
class Running:
    """The stack in a process of its own."""

    process: subprocess.Popen[str]
    directory: Path
    said: str = ""

    @property
    def addresses(self) -> Addresses:
        """The addresses of the parts of the stack."""
        return read_addresses(self.directory)

    @property
    def seconds(self) -> float:
        """The seconds that its start took, as it says."""
        found = re.search(r"Ready in ([0-9.]+) s", self.said)
        assert found is not None
        return float(found[1])

    def wait_until_ready(self) -> None:
        """Read its output until all is up. Fails the test if it ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "rotate-keys" in line:  # the last of what it prints
                return
        pytest.fail(f"it never became ready: {self.said}{self.end()}")

    def end(self) -> str:
        """Wait for its end; what it had to say about it."""
        _out, err = self.process.communicate(timeout=GRACE_SECONDS)
        return err

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit code."""
        self.process.send_signal(number)
        self.end()
        return self.process.returncode


@contextmanager
def launched(directory: Path, *options: str, **environ: str) -> Iterator[Running]:
    """Start the stack on free ports, without waiting for it, and stop it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dev", "run", "--directory", str(directory), *options],
        cwd=ROOT,
        env=os.environ | FREE | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Running(process, directory)
        finally:
            process.terminate()


@contextmanager
def started(directory: Path, *options: str, **environ: str) -> Iterator[Running]:
    """Start the stack on free ports, wait until it is ready, and stop it at the end."""
    with launched(directory, *options, **environ) as running:
        running.wait_until_ready()
        yield running


@dataclass(frozen=True)
class Process:
    """A process of this machine."""

    pid: int
    parent: int
    command: str

    @classmethod
    def all(cls) -> list[Process]:
        """Every process that runs now."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                # The name, in brackets, may hold anything; what follows is state and parent.
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found.append(cls(int(folder.name), parent, command))
        return found

    @classmethod
    def below(cls, pid: int) -> list[Process]:
        """Its children and theirs."""
        everybody = cls.all()
        family, ancestors = [], {pid}
        for _generation in range(3):
            young = [process for process in everybody if process.parent in ancestors]
            family += young
            ancestors = {process.pid for process in young}
        return family


@contextmanager
def watched(processes: list[Process]) -> Iterator[list[int]]:
    """Descriptors that become readable when the processes have ended."""
    with ExitStack() as held:
        watches = []
        for process in processes:
            try:
                watches.append(os.pidfd_open(process.pid))
            except ProcessLookupError:
                continue  # a short-lived one
            held.callback(os.close, watches[-1])
        yield watches


def have_ended(watches: list[int]) -> bool:
    """Whether each of them ends within a minute."""
    return all(select.select([watch], [], [], GRACE_SECONDS)[0] for watch in watches)


class Form(HTMLParser):
    """The sign-in page as a browser understands it."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.people: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the action of the form and the people it offers."""
        given = dict(attrs)
        if tag == "form":
            self.action = given["action"] or ""
        if tag == "button" and given.get("name") == "person":
            self.people.append(given["value"] or "")


async def sign_in(session: aiohttp.ClientSession, issuer: str, person: str) -> dict[str, Any]:
    """The tokens of the app after a person chose themselves in the browser."""
    async with session.get(
        f"{issuer}authorize", params=authorization(prompt="login"), allow_redirects=False
    ) as response:
        form = Form()
        form.feed(await response.text())
    assert form.people == [somebody.key for somebody in PEOPLE]
    async with session.post(
        urljoin(issuer, form.action),
        data={"person": person, "second_factor": "confirmed"},
        allow_redirects=False,
    ) as response:
        assert response.headers["Location"].startswith(CALLBACK)
        code = parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
    exchange = {
        "grant_type": "authorization_code",
        "client_id": "timesheets-app",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    async with session.post(f"{issuer}oauth/token", data=exchange) as response:
        held: dict[str, Any] = await response.json()
        assert response.status == 200, held
        return held


async def call(
    session: aiohttp.ClientSession, token: str, method: str, url: str, body: object = None
) -> Any:
    """Send a request and return the decoded reply. Fails the test unless it is a success."""
    headers = {"Authorization": f"Bearer {token}"}
    async with session.request(method, url, json=body, headers=headers) as response:
        answer = await response.json()
        assert response.status < 300, answer
        return answer
