"""A week submitted, learned of, approved, learned of again: three services and two feeds."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import aiohttp

from bench.database import deployed_postgres
from bench.results import Result, reported
from libs.postgres.migrate import upgrade
from libs.rules.calendar import Week
from tests.support.fleet import NAMES, Fleet
from tests.support.issuer import Issuer

PEOPLE, WEEKS, PAUSE = 8, 12, 0.003


async def measure() -> list[Result]:
    """Measure how long a week takes to be submitted, learned of, approved and learned of again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with deployed_postgres(folder) as server:
            for service in NAMES:
                server.create_database(service)
                await asyncio.to_thread(upgrade, f"services.{service}", server.url(service))
            databases = {service: server.url(service) for service in NAMES}
            async with Issuer() as issuer, aiohttp.ClientSession() as session:
                fleet = Fleet(databases, issuer, session, folder / "log")
                await fleet.start()
                try:
                    return await _cycles(fleet)
                finally:
                    await fleet.stop()


async def _cycles(fleet: Fleet) -> list[Result]:
    await _cycle(fleet, "warm-up", _weeks()[0])
    alone = [await _cycle(fleet, "alone", week) for week in _weeks()]
    began = time.perf_counter()
    together = await asyncio.gather(*(_person(fleet, f"p{n}") for n in range(PEOPLE)))
    seconds = time.perf_counter() - began
    against = "submit, feed, decide, feed, until the week says approved"
    count = len(alone) * PEOPLE
    return [
        reported(
            "a week from submitted to approved", median(alone) * 1000, "ms", f"median; {against}"
        ),
        reported(
            f"weeks from submitted to approved, {PEOPLE} people at once",
            *(count / seconds, "a second", against),
        ),
        reported(
            f"a week from submitted to approved, {PEOPLE} people at once: the slowest",
            *(max(map(max, together)) * 1000, "ms", f"of {count}; {against}"),
        ),
    ]


async def _person(fleet: Fleet, person: str) -> list[float]:
    return [await _cycle(fleet, person, week) for week in _weeks()]


async def _cycle(fleet: Fleet, person: str, week: Week) -> float:
    """Seconds from submitting an empty week until its own service says that it is approved."""
    owner, decider = fleet.caller("entries", person), fleet.administrator("approvals")
    began = time.perf_counter()
    submitted = await owner.post(f"/v1/timesheets/{week}/submit")
    if submitted.status != 200:
        raise RuntimeError(f"submitting gave {submitted.status}")
    waiting = f"/v1/approvals?state=pending&person=auth0|{person}&week={week}"
    while not (items := (await decider.get(waiting)).json["items"]):
        await asyncio.sleep(PAUSE)
    decision = f"/v1/approvals/{items[0]['id']}/decision"
    await decider.put(decision, {"decision": "approve"})
    while (await owner.get(f"/v1/timesheets/{week}")).json["state"] != "approved":
        await asyncio.sleep(PAUSE)
    return time.perf_counter() - began


def _weeks() -> list[Week]:
    newest = Week.of(datetime.now(UTC).date() - timedelta(days=7))
    return [newest.plus(-back) for back in range(WEEKS)]
