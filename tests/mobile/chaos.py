"""Two devices of one person and an approver at random, over a network that fails in every way.

The books that are kept: what each device meant, and what the servers accepted. At the end they
must agree: each change was accepted once, undone, or is among the problems.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from mobile.core import database as database_module
from mobile.core.changes import ChangeKind
from mobile.core.database import Database, StoreFull
from mobile.core.network import Unreachable
from mobile.core.rules import ApprovalState, State
from mobile.core.sync import SyncEngine
from mobile.core.timesheet import Invalid, Locked
from mobile.core.weeks import Week
from mobile.core.wire import Project
from tests.mobile.device import Device, api_of, draft
from tests.mobile.support import AppClock
from tests.mobile.test_local_store import fill_disk, free_disk

WEEKS = 4
PREFIXES = ("/v1/entries", "/v1/timesheets", "/v1/approvals", "/v1/profile", "/v1/projects")


class KilledError(Exception):
    """The process ended here."""


@dataclass(eq=False)
class ChaosNetwork(httpx.AsyncBaseTransport):
    """Routes by path like the gateway, and loses, doubles and delays as chance has it."""

    chance: random.Random
    routes: dict[str, str]
    trouble: bool = True
    down: str | None = None
    kill_at: int | None = None
    accepted: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path, body) of each write that a server answered with success."""
    requests: int = 0

    def __post_init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        path = request.url.path
        self._maybe_die()
        dice = self.chance.random() if self.trouble else 1.0
        if self.trouble and self.down is not None and path.startswith(self.down):
            return httpx.Response(502, text="bad gateway", request=request)
        if dice < 0.06:
            raise httpx.ConnectError("no network", request=request)
        if dice < 0.09:
            return httpx.Response(500, json={"detail": "broken"}, request=request)
        if dice < 0.11:
            return httpx.Response(
                429, json={"detail": "slow"}, headers={"Retry-After": "1"}, request=request
            )
        response = await self._forward(request)
        if dice < 0.15:
            response = await self._forward(request)  # it arrived twice
        self._maybe_die()
        if dice < 0.25:
            raise httpx.ReadError("cut off", request=request)
        if dice < 0.28:
            raise httpx.ReadTimeout("too late", request=request)
        return response

    async def _forward(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        found = (url for prefix, url in self.routes.items() if path.startswith(prefix))
        base = next(found, None)
        if base is None:
            return httpx.Response(404, json={"detail": "Not found."}, request=request)
        copy = httpx.Request(
            request.method,
            httpx.URL(base).join(request.url.raw_path.decode()),
            headers=[each for each in request.headers.raw if each[0].lower() != b"host"],
            content=request.content,
        )
        response = await self._inner.handle_async_request(copy)
        await response.aread()
        response.request = request
        if request.method != "GET" and response.status_code < 300:
            self.accepted.append((request.method, path, request.content.decode()))
        return response

    def _maybe_die(self) -> None:
        if self.trouble and self.kill_at is not None and self.requests >= self.kill_at:
            self.kill_at = None
            raise KilledError

    async def aclose(self) -> None:
        await self._inner.aclose()


class Player:
    """One device; it remembers what it meant by the note or reason of each change."""

    def __init__(
        self, name: str, folder: Path, sub: str, token: str, network: ChaosNetwork, now: datetime
    ) -> None:
        self.name, self.network = name, network
        self.clock = AppClock()
        self.clock.time = now
        self.http = httpx.AsyncClient(transport=network)
        api = api_of(self.http, "http://gateway", token)
        self.device = Device(Database(folder / f"{name}.db", sub), self.clock, api)
        self.engine: SyncEngine = self.device.engine()
        self.meant: set[str] = set()
        self.undone: set[str] = set()
        self.kills = 0
        self._number = 0

    def label(self) -> str:
        self._number += 1
        return f"{self.name} {self._number}"

    def restart(self) -> None:
        self.kills += 1
        self.device = self.device.restart()
        self.engine = self.device.engine()

    async def sync(self) -> bool:
        """Whether everything went through; whatever fails must leave the engine usable."""
        try:
            await self.engine.sync()
        except KilledError:
            self.restart()
        except (Unreachable, StoreFull):
            return False
        else:
            return True
        return False

    @property
    def unsent(self) -> set[str]:
        """The labels of changes that are in the outbox or among the problems."""
        return {label for each in self.device.outbox.all() if (label := label_of(each.body))}


def label_of(body: dict[str, Any]) -> str:
    return str(body.get("note") or body.get("reason") or "")


@dataclass
class Chaos:
    """`people` are the tokens of the person's two devices and, if there is one, the approver."""

    folder: Path
    seed: int
    routes: dict[str, str]
    tokens: dict[str, tuple[str, str]]
    now: datetime

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.network = {
            name: ChaosNetwork(random.Random(f"{self.seed} {name}"), self.routes)
            for name in self.tokens
        }
        self.folder.mkdir(parents=True)
        self.players = {
            name: Player(name, self.folder, sub, token, self.network[name], self.now)
            for name, (sub, token) in self.tokens.items()
        }
        self.today: date = self.now.date()

    async def run(self, changes: int) -> None:
        for player in self.players.values():
            player.device.store.replace_projects([Project("APOLLO", "Apollo", "Big Company")])
            with contextlib.suppress(Unreachable):
                player.network.trouble = False
                await player.engine.sync()
                player.network.trouble = True
        migrations = database_module.MIGRATIONS
        try:
            for number in range(changes):
                if number == changes // 2:
                    self._upgrade_all()
                await self._turn()
        finally:
            await self._settle()
            database_module.MIGRATIONS = migrations

    def _upgrade_all(self) -> None:
        """The next version of the app, with changes waiting."""
        extra = ("ALTER TABLE outbox ADD COLUMN of_the_next_version TEXT",)
        database_module.MIGRATIONS = (*database_module.MIGRATIONS, extra)
        for player in self.players.values():
            player.restart()

    async def _turn(self) -> None:
        player = self.players[self.chance.choice(list(self.players))]
        self._disturb(player)
        try:
            if player.name == "approver":
                self._decide(player)
            else:
                self._change(player)
        except (Locked, Invalid):
            pass
        except StoreFull:
            free_disk(player.device.database)
        if self.chance.random() < 0.3:
            await player.sync()

    def _disturb(self, player: Player) -> None:
        dice, network = self.chance.random(), player.network
        if dice < 0.02:
            network.down = self.chance.choice(PREFIXES)
        elif dice < 0.05:
            network.down = None
        elif dice < 0.07:
            network.kill_at = network.requests + self.chance.randrange(1, 12)
        elif dice < 0.09:
            player.restart()
        elif dice < 0.11:
            player.clock.set_wall_clock(days=self.chance.choice((-2, -1, 1, 2)))
        elif dice < 0.125:
            fill_disk(player.device.database)
        elif dice < 0.15:
            free_disk(player.device.database)
        player.clock.move(seconds=self.chance.choice((0, 1, 6, 30)))

    def _change(self, player: Player) -> None:
        dice, timesheet = self.chance.random(), player.device.timesheet
        day = self.today - timedelta(days=self.chance.randrange(7 * WEEKS))
        week = Week.of(day)
        known = [entry for each in timesheet.week(week).days for entry in each.entries]
        if dice < 0.04:
            self._change_state(player, week)
        elif dice < 0.14 and known:
            self._delete(player, self.chance.choice(known).id)
        else:
            edited = self.chance.choice(known).id if known and dice < 0.5 else None
            label = player.label()
            timesheet.save(draft(date=day, minutes=1 + len(label), note=label), edited)
            player.meant.add(label)

    def _change_state(self, player: Player, week: Week) -> None:
        timesheet, view = player.device.timesheet, player.device.timesheet.week(week)
        if view.can_submit:
            timesheet.submit(week)
        elif view.state is State.SUBMITTED:
            timesheet.withdraw(week)

    def _delete(self, player: Player, entry_id: str) -> None:
        seq = player.device.timesheet.delete(entry_id)
        if self.chance.random() < 0.3:
            player.device.outbox.cancel(seq)

    def _decide(self, player: Player) -> None:
        pending = player.device.store.approvals(ApprovalState.PENDING)
        decided = {each.target for each in player.device.outbox.of_kinds((ChangeKind.DECIDE,))}
        waiting = [each for each in pending if each.id not in decided]
        if not waiting:
            return
        chosen = self.chance.choice(waiting)
        label = player.label()
        body = {"decision": "reject", "reason": label}
        if self.chance.random() < 0.2:
            body = {"decision": "approve"}
        now = player.clock.now()
        seq = player.device.outbox.add(
            ChangeKind.DECIDE, chosen.id, body, now, hold_until=now.timestamp() + 5
        )
        if "reason" in body:
            player.meant.add(label)
            if self.chance.random() < 0.2 and player.device.outbox.cancel(seq):
                player.undone.add(label)

    async def _settle(self) -> None:
        """The network is well again: everything that can go, goes."""
        for player in self.players.values():
            player.network.trouble, player.network.down = False, None
            free_disk(player.device.database)
        for _ in range(12):
            for player in self.players.values():
                player.clock.move(seconds=60)
                player.engine.wake(pull=True)
                await player.sync()
            await asyncio.sleep(0.05)
        for player in self.players.values():
            assert player.engine.state.problem == ""

    def check(self, entries: list[dict[str, Any]]) -> None:
        """That the books agree with the server's entries."""
        applied: Counter[str] = Counter()
        for network in self.network.values():
            labels = [label_of(json.loads(body)) for _, _, body in network.accepted if body]
            applied.update(set(labels))
        for player in self.players.values():
            lost = player.meant - player.undone - set(applied) - player.unsent
            assert not lost, f"seed {self.seed}: lost {sorted(lost)[:5]}"
            waiting, _ = player.device.outbox.counts()
            stuck = [each for each in player.device.outbox.all() if each.failure is None]
            failed = {
                key
                for each in player.device.outbox.all()
                if each.failure is not None
                for key in (each.target, *each.weeks)
            }
            free = [each for each in stuck if not failed & {each.target, *each.weeks}]
            assert not free, f"seed {self.seed}: {waiting} wait for nothing: {free[:2]}"
        everything = set().union(*(player.meant for player in self.players.values()))
        for entry in entries:
            assert entry["note"] in everything, f"seed {self.seed}: nobody meant {entry}"
        assert len({entry["note"] for entry in entries}) == len(entries), "something twice"

    async def close(self) -> None:
        for player in self.players.values():
            player.device.database.close()
            await player.http.aclose()
