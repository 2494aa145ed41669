"""Hours at half of what a service can do: what it takes of the machine stays what it was.

`make endurance` takes five minutes for it, `make soak SECONDS=7200` two hours.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import date, timedelta
from statistics import median

import pytest

from tests.support.fleet import NAMES, Fleet
from tests.support.load import Call, Tally, steady_load
from tests.support.processes import Footprint

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))
WARM_UP = 15.0
AS_FAST_AS_IT_CAN = 1e9
MORE_MEGABYTES, MORE_DESCRIPTORS = 8.0, 10

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(SECONDS + 300)]


def call(number: int) -> Call:
    """Lists, weeks, and every fifth one a new entry."""
    if number % 5:
        return Call("GET", "/v1/timesheets/2026-W05" if number % 2 else "/v1/entries?limit=20")
    day = date(2020, 1, 1) + timedelta(days=number // 5 % 2000)
    body = {"date": day.isoformat(), "project": "APOLLO", "minutes": 1}
    return Call("POST", "/v1/entries", json.dumps(body).encode())


async def load(fleet: Fleet, rate: float, seconds: float) -> Tally:
    """The token is a new one every time, as it lasts an hour only."""
    done, token = asyncio.Event(), fleet.issuer.token()
    asyncio.get_running_loop().call_later(seconds, done.set)
    return await steady_load(fleet.url("entries"), token, rate, call, done)


async def sample(fleet: Fleet, samples: dict[str, list[Footprint]]) -> None:
    while True:
        for name in NAMES:
            samples[name].append(Footprint.of(fleet.pid(name)))
        await asyncio.sleep(1)


async def test_at_half_of_the_peak_memory_and_descriptors_stay_flat(fleet: Fleet) -> None:
    fastest = await load(fleet, AS_FAST_AS_IT_CAN, WARM_UP)
    rate = fastest.total / WARM_UP / 2
    await load(fleet, rate, WARM_UP)

    samples: dict[str, list[Footprint]] = {name: [] for name in NAMES}
    sampling = asyncio.create_task(sample(fleet, samples))
    answered, left = 0, SECONDS
    while left > 0:
        tally = await load(fleet, rate, min(left, 1800))
        assert tally.failures == []
        assert set(tally.statuses) == {("GET", 200), ("POST", 201)}
        answered += tally.total
        left -= 1800
    sampling.cancel()

    print(f"\n{answered} requests at {rate:.0f} a second in {SECONDS:.0f} s, none failed")
    for name in NAMES:
        check_flat(name, samples[name])


def check_flat(name: str, samples: list[Footprint]) -> None:
    third = len(samples) // 3
    first, last = samples[:third], samples[-third:]
    memory = [median(each.megabytes for each in part) for part in (first, last)]
    descriptors = [median(each.descriptors for each in part) for part in (first, last)]
    print(f"{name}: {memory[0]:.1f} to {memory[1]:.1f} MiB, {descriptors} descriptors")
    assert memory[1] - memory[0] < MORE_MEGABYTES
    assert descriptors[1] - descriptors[0] < MORE_DESCRIPTORS
