"""Two devices of one person and an approver at random, over a network that fails in every way.

The books that are kept: what each person meant, and what the servers accepted, in their order. At
the end the books, the servers and the devices must agree.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote

from mobile.core.changes import ChangeKind
from mobile.core.database import StoreFull
from mobile.core.migrations import MIGRATIONS
from mobile.core.timesheet import Invalid, Locked
from mobile.core.wire import Project
from tests.mobile.chaos_approver import Approver
from tests.mobile.chaos_network import DELETED, PREFIXES, Accepted, ChaosNetwork, label_of
from tests.mobile.chaos_player import Player
from tests.mobile.test_local_store import fill_disk, free_disk
from tests.support.client import Caller

# Rounds in which everything that can go has gone.
ROUNDS = 8
APPROVER = "approver"
DELEGATE_PATH = "/v1/profile/delegate"
NEXT_VERSION = ("ALTER TABLE outbox ADD COLUMN of_the_next_version TEXT",)
STEPS = {
    "submitted": ChangeKind.SUBMIT,
    "withdrawn": ChangeKind.WITHDRAW,
    "reopened": ChangeKind.REOPEN,
}


@dataclass
class Server:
    """The services' data at the end, read without the app."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    absences: list[dict[str, Any]] = field(default_factory=list)
    weeks: list[dict[str, Any]] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)
    targets: dict[str, int] = field(default_factory=dict)
    """The weekly target of each person, by the name of a device of theirs."""
    delegate: dict[str, Any] | None = None
    """The approver's delegation."""
    profiles: list[dict[str, Any]] = field(default_factory=list)
    """Each change of the profiles: the values after it."""


async def read_items(caller: Caller, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    page = f"{path}{'&' if '?' in path else '?'}limit=200"
    while page:
        reply = (await caller.get(page)).json
        items += reply["items"]
        page = reply["next"]
    return items


@dataclass
class Chaos:
    """`tokens` are those of the person's two devices and, if there is one, the approver."""

    folder: Path
    seed: int
    routes: dict[str, str]
    tokens: dict[str, tuple[str, str]]
    now: datetime

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.accepted: list[Accepted] = []
        self.folder.mkdir(parents=True)
        self.players: dict[str, Player] = {}
        for name, (sub, token) in self.tokens.items():
            chance = random.Random(f"{self.seed} {name}")
            network = ChaosNetwork(chance, self.routes, self.accepted, trouble=False)
            kind = Approver if name == APPROVER else Player
            player = kind(name, self.folder, sub, token, network, self.now)
            player.device.store.replace_projects([Project("APOLLO", "Apollo", "Big Company")])
            self.players[name] = player
        self._overlapping = False

    @property
    def changes(self) -> Counter[ChangeKind]:
        return sum((player.changes for player in self.players.values()), Counter())

    @property
    def faults(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for player in self.players.values():
            found.update(player.network.seen)
        return found

    async def run(self, changes: int) -> None:
        """Let people do at least so many changes, then wait until everything has been sent."""
        for player in self.players.values():
            await player.sync(pull=True)
            player.network.trouble = True
            player.network.meanwhile = lambda player=player: self._meanwhile(player)
        while self.changes.total() < changes // 2:
            await self._turn()
        with patch("mobile.core.database.MIGRATIONS", (*MIGRATIONS, NEXT_VERSION)):
            await self._upgrade_all()
            while self.changes.total() < changes:
                await self._turn()
            await self._settle()

    async def _upgrade_all(self) -> None:
        """The next version of the app, with changes waiting."""
        for player in self.players.values():
            free_disk(player.device.database)
            await player.restart()

    async def _turn(self) -> None:
        player = self._someone()
        await self._disturb(player)
        self._act(player)
        await player.settle()
        dice = self.chance.random()
        if dice < 0.25:
            await player.sync(pull=dice < 0.08)
        elif dice < 0.27:
            await player.pause()

    def _someone(self) -> Player:
        return self.players[self.chance.choice(list(self.players))]

    def _act(self, player: Player) -> None:
        try:
            player.act()
        except (Locked, Invalid):
            pass
        except StoreFull:
            free_disk(player.device.database)

    async def _meanwhile(self, player: Player) -> None:
        """While a request is under way its person goes on, and another device synchronises."""
        if self._overlapping:
            return
        self._overlapping = True
        try:
            player.clock.move(seconds=self.chance.choice((1, 15, 600)))
            self._act(player)
            other = self._someone()
            if other is not player:
                self._act(other)
                await other.sync(pull=self.chance.random() < 0.3)
        finally:
            self._overlapping = False

    async def _disturb(self, player: Player) -> None:
        dice, network = self.chance.random(), player.network
        if dice < 0.05:
            network.down = self.chance.choice(PREFIXES) if dice < 0.02 else None
        elif dice < 0.07:
            network.kill_at = network.requests + self.chance.randrange(1, 12)
        elif dice < 0.09:
            await player.restart()
        elif dice < 0.11:
            player.clock.set_wall_clock(days=self.chance.choice((-2, -1, 1, 2)))
        elif dice < 0.15:
            (fill_disk if dice < 0.125 else free_disk)(player.device.database)
        elif dice < 0.16:
            await player.pass_time(hours=self.chance.randrange(1, 5))
        player.clock.move(seconds=self.chance.choice((0, 1, 6, 30)))

    async def _settle(self) -> None:
        """The network is well again: everything that can go, goes."""
        for player in self.players.values():
            player.network.trouble, player.network.down = False, None
            player.network.meanwhile = None
            free_disk(player.device.database)
        for round_number in range(ROUNDS):
            for player in self.players.values():
                if round_number == 1:
                    await player.network.deliver_all()
                player.clock.move(seconds=60)
                await player.sync(pull=True)
            # The services read each other's events.
            await asyncio.sleep(0.1)

    def check(self, server: Server) -> None:
        """That the books, the servers and the devices agree."""
        self._check_nothing_is_lost()
        books = self._check_order(server.entries, "/v1/entries/")
        books += self._check_order(server.absences, "/v1/absences/")
        everything = set().union(*(player.meant for player in self.players.values()))
        assert set(books) <= everything, f"seed {self.seed}: nobody meant this"
        assert len(set(books)) == len(books), f"seed {self.seed}: something twice"
        self._check_devices(server)
        self._check_weeks(server)
        self._check_delegate(server)
        self._check_profiles(server)
        for name, minutes in server.targets.items():
            mine = {label for label in self.players[name].meant if label.startswith("target")}
            if name == "phone" and "desk" in self.players:
                mine |= self.players["desk"].meant
            applied = [each.label for each in self.accepted if each.label in mine]
            last = list(dict.fromkeys(applied))[-1:]
            targets = [label for label in last if label.startswith("target")]
            assert targets in ([], [f"target {minutes}"]), f"seed {self.seed}: {targets} {minutes}"

    def _check_nothing_is_lost(self) -> None:
        applied = {each.label for each in self.accepted}
        for player in self.players.values():
            name = f"seed {self.seed}: {player.name}"
            assert not player.ended, f"{name}: the engine has ended: {player.ended}"
            assert not player.task.done(), f"{name}: the engine has ended"
            assert player.engine.state.problem == "", f"{name}: {player.engine.state}"
            lost = player.meant - player.given_up - applied - player.unsent
            assert not lost, f"{name}: lost {sorted(lost)[:5]}"
            stopped: set[str] = set()
            for each in player.device.outbox.all():
                keys = {each.target, *each.weeks}
                behind = each.failure is not None or bool(keys & stopped)
                assert behind, f"{name}: waits for nothing: {each}"
                stopped |= keys

    def _check_order(self, items: Iterable[dict[str, Any]], prefix: str) -> list[str]:
        """Each thing is what the last accepted intention made of it; the labels that are left.

        A label counts where it was accepted first: neither a repetition nor a request that
        arrives late may change anything. Versions go on after a deletion.
        """
        expected: dict[str, tuple[str, int]] = {}
        versions: Counter[str] = Counter()
        counted: set[tuple[str, str]] = set()
        for each in self.accepted:
            if not each.path.startswith(prefix):
                continue
            key = unquote(each.path.removeprefix(prefix))
            if each.method == DELETED:
                expected.pop(key, None)
            elif (key, each.label) not in counted:
                counted.add((key, each.label))
                versions[key] += 1
                expected[key] = (each.label, versions[key])
        found = {each["id"]: (each["note"], each["version"]) for each in items}
        wrong = {
            key: (found.get(key), expected.get(key))
            for key in found.keys() | expected.keys()
            if found.get(key) != expected.get(key)
        }
        assert not wrong, f"seed {self.seed}: (server, books): {list(wrong.items())[:3]}"
        return [label for label, _ in expected.values()]

    def _check_delegate(self, server: Server) -> None:
        """The last one that was accepted, as in `_check_order`."""
        expected, counted = "", set()
        for each in self.accepted:
            if each.path != DELEGATE_PATH:
                continue
            if each.method == DELETED:
                expected = ""
            elif each.label not in counted:
                counted.add(each.label)
                expected = each.label
        found = label_of("PUT", DELEGATE_PATH, server.delegate or {})
        assert found == expected, f"seed {self.seed}: {found}, not {expected}"

    def _check_profiles(self, server: Server) -> None:
        """No target or delegation took effect more often than somebody meant it."""
        happened: Counter[str] = Counter()
        for after in server.profiles:
            parts = (after.get("delegate") or {}, {"target_minutes": after.get("target_minutes")})
            happened.update(label_of("PATCH", "", part) for part in parts if any(part.values()))
        again = sum((player.again for player in self.players.values()), Counter())
        often = {label: times for label, times in happened.items() if times > 1 + again[label]}
        assert not often, f"seed {self.seed}: took effect again: {often}"

    def _check_devices(self, server: Server) -> None:
        entries = {(each["id"], each["version"], each["note"]) for each in server.entries}
        absences = {(each["id"], each["note"]) for each in server.absences}
        for name in ("phone", "desk"):
            store = self.players[name].device.store
            held = {
                (each.id, each.version, each.note) for each in store.entries(date.min, date.max)
            }
            assert held == entries, f"seed {self.seed}: {name} differs: {held ^ entries}"
            off = {(each.id, each.note) for each in store.calendar.absences()}
            assert off == absences, f"seed {self.seed}: {name} differs: {off ^ absences}"
            for week in server.weeks:
                known = store.timesheet(week["week"])
                state = known.state if known is not None else "open"
                assert state == week["state"], f"seed {self.seed}: {name}: {week}"

    def _check_weeks(self, server: Server) -> None:
        """No state was reached more often than somebody meant it."""
        meant = sum((player.steps for player in self.players.values()), Counter())
        for week in server.weeks:
            happened = Counter(step["event"] for step in week["history"])
            for event, kind in STEPS.items():
                often = meant[kind, week["week"]]
                assert happened[event] <= often, f"seed {self.seed}: {week['week']} {event} {often}"
        reasons = [each["reason"] for each in server.approvals if each["state"] == "rejected"]
        assert len(set(reasons)) == len(reasons), f"seed {self.seed}: rejected twice"
        approver = self.players.get(APPROVER)
        decided = approver.decided if isinstance(approver, Approver) else {}
        for each in server.approvals:
            if each["state"] == "rejected":
                assert decided[each["reason"]] == each["id"], f"seed {self.seed}: {each['id']}"

    async def close(self) -> None:
        """Stop every engine before anything that another one may be waiting for is closed."""
        for player in self.players.values():
            await player.stop()
        for player in self.players.values():
            player.device.database.close()
            await player.http.aclose()
