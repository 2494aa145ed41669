"""A week offline with 500 changes, a process killed again and again, a network that fails."""

from __future__ import annotations

import random
from datetime import timedelta

import httpx
import pytest

from mobile.core.changes import ChangeKind
from mobile.core.network import Unreachable
from tests.mobile.device import MONDAY, Device, draft
from tests.mobile.support import Fault, Network
from tests.support.client import Caller

CHANGES = 500
KILLS_OFFLINE, KILLS_ONLINE = 10, 12
Said = dict[str, tuple[int, str]]


class KilledError(Exception):
    """The process ended here."""


class Scribbler:
    """Somebody who logs, edits and deletes at random, and remembers what they mean to have."""

    def __init__(self, device: Device, chance: random.Random) -> None:
        self.device = device
        self.said: Said = {}
        self._chance = chance

    def change(self, number: int) -> None:
        dice, known = self._chance.random(), list(self.said)
        if known and dice < 0.1:
            gone = self._chance.choice(known)
            self.device.timesheet.delete(gone)
            del self.said[gone]
            return
        edited = self._chance.choice(known) if known and dice < 0.4 else None
        day = MONDAY - timedelta(days=self._chance.randrange(3, 38))
        minutes, note = 1 + number % 20, f"change {number}"
        made = self.device.timesheet.save(draft(date=day, minutes=minutes, note=note), edited)
        self.said[made] = (minutes, note)


class Killer:
    """Ends the process before or after some of the requests, and notes which writes arrived."""

    def __init__(self, network: Network, chance: random.Random) -> None:
        self.receive: list[tuple[str, str]] = []
        self._requests = 0
        self._deaths = {chance.randrange(2 * CHANGES) for _ in range(KILLS_ONLINE)}
        faults = [*[Fault.NONE] * 4, Fault.LOST_BEFORE, Fault.LOST_AFTER]
        network.fault = lambda _request: chance.choice(faults)
        network.before, network.after = self._before, self._after

    def _before(self, _request: httpx.Request) -> None:
        self._requests += 1
        if self._requests in self._deaths:
            raise KilledError

    def _after(self, request: httpx.Request) -> None:
        if request.method in ("PUT", "DELETE"):
            self.receive.append((request.method, request.url.path.rpartition("/")[2]))
        self._before(request)


async def read_all(caller: Caller) -> list[dict[str, object]]:
    items: list[dict[str, object]] = []
    page = "/v1/entries?limit=200"
    while page:
        answer = (await caller.get(page)).json
        items += answer["items"]
        page = answer["next"]
    return items


async def send_all(device: Device) -> tuple[Device, int]:
    """Until nothing is left to do; how often the app was killed meanwhile."""
    kills = 0
    for _ in range(10 * CHANGES):
        try:
            await device.engine().sync()
        except Unreachable:
            continue
        except KilledError:
            device, kills = device.restart(), kills + 1
        else:
            return device, kills
    pytest.fail("it never came to an end")


async def test_each_of_500_changes_arrives_exactly_once_and_in_order(
    device: Device, erin: Caller, network: Network
) -> None:
    chance = random.Random(48)
    scribbler = Scribbler(device, chance)
    for number in range(CHANGES):
        scribbler.change(number)
        if number % (CHANGES // KILLS_OFFLINE) == 0:
            scribbler.device = scribbler.device.restart()
    device = scribbler.device
    assert device.outbox.counts() == (CHANGES, 0)
    order = [
        ("DELETE" if change.kind is ChangeKind.DELETE else "PUT", change.target)
        for change in device.outbox.all()
    ]
    puts = {target: order.count(("PUT", target)) for _, target in order}

    device.clock.move(seconds=10)
    killer = Killer(network, chance)
    device, kills = await send_all(device)

    assert kills + KILLS_OFFLINE >= 20
    assert device.outbox.counts() == (0, 0)
    items = await read_all(erin)
    assert {each["id"]: (each["minutes"], each["note"]) for each in items} == scribbler.said
    # A version counts the changes that the server made: each once, and none left out.
    assert {each["id"]: each["version"] for each in items} == {
        target: puts[target] for target in scribbler.said
    }
    firsts = list(dict.fromkeys(killer.receive))
    assert [change for change in dict.fromkeys(order) if change in firsts] == firsts
    device.database.close()
