"""The commands of docs/how-to/integrate.md, in the order of the page, over the running stack."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from dev.issuer.state import machine_secrets
from dev.sample_data import person_named
from dev.signin import sign_in
from tests.e2e.test_week import WEEKS_BACK as COMPANY_WEEKS_BACK
from tests.e2e.test_week import Company
from tests.support.client import Caller
from tests.support.guide import blocks_of, run
from tests.support.stack import Running

pytestmark = pytest.mark.slow

PAGE = "how-to/integrate.md"
MONDAY = date(2026, 9, 7)
"""The first day of work in the guide."""
WEEKS_BACK = 12
PEOPLE = ("chloe", "cem")


def moved(days: timedelta) -> Callable[[str], str]:
    """Moves every date in a text: the dates of the guide are long gone in another year."""

    def move(match: re.Match[str]) -> str:
        return str(date.fromisoformat(match[0]) + days)

    return lambda text: re.sub(r"\b2026-09-\d\d\b", move, text)


@pytest.mark.timeout(180)
async def test_the_commands_of_the_partner_guide_do_what_it_says(
    tmp_path: Path, stack: Running
) -> None:
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS_BACK)
    move = moved(monday - MONDAY)
    blocks = blocks_of(PAGE)
    for block in blocks:
        if block.file_name:
            (tmp_path / block.file_name).write_text(move(block.text), encoding="utf-8")
    scripts = [block for block in blocks if block.is_run]
    before = "\n".join(move(block.text) for block in scripts if "approved" not in block.words)
    token = move(scripts[0].text)
    after = "\n".join(move(block.text) for block in scripts if "approved" in block.words)
    environ = environment(stack)
    code, out, err = await run(before, tmp_path, environ)
    assert code == 0, (out, err)
    await approve(stack, monday)
    code, out, err = await run(token + after, tmp_path, environ)
    assert code == 0, (out, err)
    assert "timesheet.approved" in out


def environment(running: Running) -> dict[str, str]:
    addresses = running.addresses
    secrets = machine_secrets(running.directory / "issuer" / "clients.json")
    return {
        "PATH": os.environ["PATH"],
        "API": addresses.gateway,
        "UPLOAD_ID": "batch-nightly",
        "UPLOAD_SECRET": secrets["batch-nightly"],
        "PAYROLL_ID": "partner-payroll",
        "PAYROLL_SECRET": secrets["partner-payroll"],
    }


async def approve(running: Running, monday: date) -> None:
    """The people of the guide submit their week, and an administrator approves it."""
    year, week, _ = monday.isocalendar()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        callers = {}
        for key in (*PEOPLE, "ada"):
            person = person_named(key)
            assert person is not None
            token = await sign_in(session, running.addresses.issuer, person)
            callers[key] = Caller(session, running.addresses.gateway, token)
        company = Company(callers, monday + timedelta(weeks=COMPANY_WEEKS_BACK))
        for key in PEOPLE:
            reply = await callers[key].post(f"/v1/timesheets/{year}-W{week:02}/submit")
            assert reply.status == 200, reply.json
            approval = await company.pending("ada", key)
            assert (await company.decide("ada", approval, decision="approve")).status == 200
            await company.becomes(key, "approved")
