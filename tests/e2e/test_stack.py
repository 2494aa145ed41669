"""`make run`, as a person meets it: started as a program, used over HTTP, stopped by a signal."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import pytest

from dev.sample_data import DELEGATIONS, PEOPLE, PROJECTS
from dev.stack import Addresses
from tests.support.stack import (
    GRACE_SECONDS,
    ROOT,
    Process,
    Running,
    call,
    have_ended,
    launched,
    sign_in,
    started,
    watched,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"),
]


@dataclass(frozen=True)
class Before:
    """The files that the first run left in a new directory."""

    seconds: float
    addresses: Addresses
    family: list[Process]
    exit_code: int
    all_ended: bool
    held: dict[str, Any]
    entry: str


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def before(directory: Path) -> Before:
    with started(directory) as running:
        entry = f"/v1/entries/{uuid4()}"
        held = asyncio.run(log_an_entry(running.addresses, entry))
        addresses, family = running.addresses, Process.below(running.process.pid)
        with watched(family) as ends:
            exit_code = running.stop()
            all_ended = have_ended(ends)
    return Before(running.seconds, addresses, family, exit_code, all_ended, held, entry)


@pytest.fixture(scope="module")
def stack(directory: Path, before: Before) -> Iterator[Running]:
    """The second run. The issuer is where it was, or its tokens would be another one's."""
    port = urlsplit(before.addresses.issuer).port
    with started(directory, ISSUER_PORT=str(port)) as running:
        yield running
        assert running.stop(signal.SIGINT) == 0


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the stacks that are treated badly."""
    return tmp_path_factory.mktemp("spare")


async def log_an_entry(at: Addresses, entry: str) -> dict[str, Any]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        held = await sign_in(session, at.issuer, "erin")
        draft = {
            "date": datetime.now(UTC).date().isoformat(),
            "project": PROJECTS[0].code,
            "minutes": 25,
            "note": "kept over a restart",
        }
        await call(session, held["access_token"], "PUT", at.gateway + entry, draft)
        return held


def test_stopping_leaves_no_process(before: Before) -> None:
    assert before.exit_code == 0
    assert before.all_ended
    for name in ("traefik", "postgres", "dev.issuer", "services.entries"):
        assert any(name in process.command for process in before.family), name


async def test_what_was_logged_is_there_after_the_next_start(
    stack: Running, before: Before, session: aiohttp.ClientSession
) -> None:
    url = stack.addresses.gateway + before.entry
    kept = await call(session, before.held["access_token"], "GET", url)

    assert (kept["minutes"], kept["note"]) == (25, "kept over a restart")


async def test_the_app_stays_signed_in_over_a_restart(
    stack: Running, before: Before, session: aiohttp.ClientSession
) -> None:
    refresh = {
        "grant_type": "refresh_token",
        "client_id": "timesheets-app",
        "refresh_token": before.held["refresh_token"],
    }

    async with session.post(f"{stack.addresses.issuer}oauth/token", data=refresh) as response:
        assert response.status == 200


def test_the_second_start_is_quicker(stack: Running, before: Before) -> None:
    assert stack.seconds < before.seconds


async def test_the_whole_company_is_there(stack: Running, session: aiohttp.ClientSession) -> None:
    at = stack.addresses
    ada = (await sign_in(session, at.issuer, "ada"))["access_token"]

    projects = await call(session, ada, "GET", f"{at.gateway}/v1/projects?limit=200")
    assert {project.code for project in PROJECTS} == {item["code"] for item in projects["items"]}
    for person in PEOPLE:
        url = f"{at.gateway}/v1/timesheets?person={person.sub.replace('|', '%7C')}"
        weeks = await call(session, ada, "GET", url)
        worked = [week for week in weeks["items"] if week["total_minutes"]]
        assert len(worked) >= 3, person.name
        assert any(week["state"] != "open" for week in worked), person.name


async def test_the_directory_has_managers_and_delegates(
    stack: Running, session: aiohttp.ClientSession
) -> None:
    at = stack.addresses
    ada = (await sign_in(session, at.issuer, "ada"))["access_token"]

    page = await call(session, ada, "GET", f"{at.gateway}/v1/people?limit=200")
    known = {person["person"]: person for person in page["items"]}
    for person in PEOPLE:
        found = known[person.sub]
        manager = f"auth0|{person.manager}" if person.manager else None
        assert (found["name"], found["email"]) == (person.name, person.email)
        assert (found["manager"], found["kind"]) == (manager, person.kind)
        assert found["uploaders"] == list(person.uploaders)
    for delegation in DELEGATIONS:
        delegate = known[f"auth0|{delegation.manager}"]["delegate"]
        assert delegate["person"] == f"auth0|{delegation.person}"


async def test_the_weeks_before_the_last_are_decided_and_the_last_waits(
    stack: Running, session: aiohttp.ClientSession
) -> None:
    at = stack.addresses
    maya = (await sign_in(session, at.issuer, "maya"))["access_token"]

    async def persons(state: str) -> set[str]:
        url = f"{at.gateway}/v1/approvals?state={state}&limit=200"
        return {item["person"] for item in (await call(session, maya, "GET", url))["items"]}

    assert {"auth0|erin", "auth0|carl"} <= await persons("pending")
    assert await persons("rejected") == {"auth0|emil"}
    assert {"auth0|erin", "auth0|emil", "auth0|ada"} <= await persons("approved")


async def test_people_may_what_their_role_allows(
    stack: Running, session: aiohttp.ClientSession
) -> None:
    at = stack.addresses
    erin = (await sign_in(session, at.issuer, "erin"))["access_token"]

    async with session.get(
        f"{at.gateway}/v1/entries?person=auth0%7Ccarl", headers={"Authorization": f"Bearer {erin}"}
    ) as response:
        assert response.status == 403


def test_what_it_prints_can_be_pasted(stack: Running) -> None:
    lines = [line for line in stack.said.splitlines() if line.startswith("curl ")]

    assert len(lines) >= 5
    for line in lines:
        done = subprocess.run(
            ["bash", "-euc", line.replace("curl ", "curl --fail-with-body ")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=GRACE_SECONDS,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        json.loads(done.stdout)


def test_a_second_one_on_the_same_data_is_refused(stack: Running) -> None:
    with launched(stack.directory) as second:
        assert second.end() == f"The stack already runs on {stack.directory}.\n"

    assert second.process.returncode == 1


def test_a_taken_port_is_one_line(spare: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with launched(spare, ENTRIES_PORT=str(port)) as running:
            output = running.end()

    assert output == f"Port {port}, for entries, is taken: set ENTRIES_PORT to another.\n"
    assert running.process.returncode == 1


def test_a_service_that_dies_is_restarted_and_the_others_go_on(spare: Path) -> None:
    with started(spare, "--empty") as running:
        before = Process.below(running.process.pid)
        victim = next(each for each in before if "services.entries" in each.command)
        os.kill(victim.pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            family = Process.below(running.process.pid)
            new = [each for each in family if "services.entries" in each.command]
            if [each for each in new if each.pid != victim.pid]:
                break
            time.sleep(0.1)
        else:
            pytest.fail("entries was not restarted")
        assert running.process.poll() is None


@pytest.mark.parametrize("name", ["dev.issuer", "postgres -D"])
def test_a_program_that_dies_takes_the_stack_down_and_is_named(spare: Path, name: str) -> None:
    with started(spare, "--empty") as running:
        family = Process.below(running.process.pid)
        victim = next(process for process in family if name in process.command)
        with watched(family) as ends:
            os.kill(victim.pid, signal.SIGKILL)
            output = running.end()
            assert have_ended(ends)

    assert running.process.returncode == 1
    assert f"{name.removeprefix('dev.').split()[0]} was killed by SIGKILL" in output
    assert output.count("\n") == 1


@pytest.fixture
def terminal() -> Iterator[None]:
    """Programs hear of a closed terminal, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("terminal")
def test_a_killed_supervisor_leaves_nobody_and_the_next_one_starts_at_once(spare: Path) -> None:
    with started(spare, "--empty") as running:
        family = Process.below(running.process.pid)
        ports = {"GATEWAY_PORT": str(urlsplit(running.addresses.gateway).port)}
        with watched(family) as ends:
            running.process.kill()
            running.process.wait()
            with started(spare, "--empty", **ports) as again:
                assert have_ended(ends)
                close_the_terminal_of(again)


def close_the_terminal_of(running: Running) -> None:
    """Output from now on goes nowhere, which must not keep it from stopping."""
    assert running.process.stdout is not None
    running.process.stdout.close()
    with watched(Process.below(running.process.pid)) as ends:
        running.process.send_signal(signal.SIGHUP)
        assert running.process.wait(GRACE_SECONDS) == 0
        assert have_ended(ends)


def test_a_token_without_a_stack_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dev", "token", "--as", "erin", "--directory", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "The stack does not run: start it with `make run`.\n"
