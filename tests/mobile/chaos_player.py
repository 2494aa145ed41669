"""One device of the fault-injection run: what its person does, and what they meant by it."""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import cast
from unittest.mock import patch

import httpx

from mobile.core.changes import Change, ChangeKind, ServiceName
from mobile.core.database import Database
from mobile.core.rules import AbsenceKind, State
from mobile.core.session import Workspace
from mobile.core.sync import SyncEngine
from mobile.core.tokens import TokenManager
from mobile.core.weeks import Week
from mobile.viewmodels.absences import AbsencesModel
from mobile.viewmodels.entry_form import EntryForm
from mobile.viewmodels.problems import ProblemsModel, Resolution
from mobile.viewmodels.timer import TimerModel
from tests.mobile.chaos_network import DELETED, ChaosNetwork, KilledError, label_of
from tests.mobile.device import Device, api_of, draft
from tests.mobile.support import AppClock

WEEKS = 4
# More entries than this are deleted rather than added to.
MANY_ENTRIES = 12
DELETIONS = (ChangeKind.DELETE, ChangeKind.DELETE_ABSENCE)


class ChaosClock(AppClock):
    """Counts how often the engine had nothing left to do and went to rest."""

    def __init__(self) -> None:
        super().__init__()
        self.rests = 0
        self._rested = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.rests += 1
        # Without waiting: the time may have moved before this goes on.
        self._rested.set()
        self._rested = asyncio.Event()
        await super().sleep(seconds)

    async def until_rest(self, number: int) -> None:
        """Wait for the rest of this number."""
        while self.rests < number:
            await self._rested.wait()


class Player:
    """`meant` holds the label of each change, `given_up` those that the person took back.

    The engine runs only while somebody here waits for it, and rests otherwise: nothing happens at
    the same time as something else unless the network lets it happen, and so a seed always does
    the same.
    """

    def __init__(
        self, name: str, folder: Path, sub: str, token: str, network: ChaosNetwork, now: datetime
    ) -> None:
        self.name, self.network = name, network
        self.chance: random.Random = network.chance
        self.clock = ChaosClock()
        self.clock.time = now
        self.today: date = now.date()
        self.http = httpx.AsyncClient(transport=network)
        api = api_of(self.http, "http://gateway", token)
        self.device = Device(Database(folder / f"{name}.db", sub), self.clock, api)
        self.meant: set[str] = set()
        self.given_up: set[str] = set()
        self.steps: Counter[tuple[ChangeKind, str]] = Counter()
        """The number of changes of a week's state, by kind and week."""
        self.again: Counter[str] = Counter()
        """The number of times that a target or delegate was meant again, after a conflict."""
        self.changes: Counter[ChangeKind] = Counter()
        self.kills = self.timers = 0
        self.ended: list[str] = []
        """The errors that ended an engine; none may."""
        self._number = 0
        self._start()

    def _start(self) -> None:
        # A kill ends the process, not the machine: nothing here needs to be on the disk.
        self.device.database.connection.execute("PRAGMA synchronous = OFF")
        self.engine: SyncEngine = self.device.engine()
        self.engine.random = self.chance
        self.task = asyncio.create_task(self.engine.run())
        device = self.device
        self.workspace = Workspace(
            device.database,
            device.store,
            device.outbox,
            device.timesheet,
            cast(TokenManager, None),
            self.engine,
        )

    async def restart(self) -> None:
        """A kill and a new start; a timer that was running goes on."""
        self.kills += 1
        was_running = TimerModel(self.workspace, self.clock).running
        await self.stop()
        self.device = self.device.restart()
        rest = self.clock.rests + 1
        self._start()
        assert TimerModel(self.workspace, self.clock).running == was_running
        await self._until_rest(rest)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def sync(self, *, pull: bool) -> None:
        """Wake the engine and wait until it rests; one that was killed starts again."""
        rest = self.clock.rests + 1
        self.engine.wake(pull=pull)
        await self._until_rest(rest)

    async def pass_time(self, **duration: float) -> None:
        """Longer than the engine rests: it does what is due."""
        rest = self.clock.rests + 1
        await self.clock.pass_time(**duration)
        await self._until_rest(rest)

    async def _until_rest(self, number: int) -> None:
        while True:
            rests = asyncio.ensure_future(self.clock.until_rest(number))
            await asyncio.wait((self.task, rests), return_when=asyncio.FIRST_COMPLETED)
            rests.cancel()
            if self.task.done():
                self._note_end()
                await self.restart()
                return
            if not self._is_busy:
                return
            number = self.clock.rests + 1

    @property
    def _is_busy(self) -> bool:
        """Whether the engine is at work or about to be."""
        return self.engine.state.busy or self.engine._woken.is_set()

    async def settle(self) -> None:
        """Wait for what the person's last changes have set going."""
        if self._is_busy:
            await self._until_rest(self.clock.rests + 1)

    def _note_end(self) -> None:
        """A kill is meant. A cancellation, or any other error, may not end the engine."""
        error = None if self.task.cancelled() else self.task.exception()
        if not isinstance(error, KilledError):
            self.ended.append("cancelled" if self.task.cancelled() else repr(error))

    async def pause(self) -> None:
        """The person leaves the app: it sends what it can, undo or not."""
        try:
            # These are real seconds: a busy machine must not cut it short.
            await self.engine.flush(math.inf)
        except KilledError:
            await self.restart()
        await self.settle()

    @property
    def unsent(self) -> set[str]:
        """The labels of changes that are in the outbox or among the problems."""
        return self._labels(self.device.outbox.all())

    def _labels(self, changes: Iterable[Change]) -> set[str]:
        return {label_of(_method(each), each.target, each.payload) for each in changes} - {""}

    def _label(self) -> str:
        self._number += 1
        return f"{self.name} {self._number}"

    def act(self) -> None:
        """One change. Raises `Locked`, `Invalid` or `StoreFull`."""
        before = self.device.outbox.all()
        with patch("uuid.uuid4", self._id):
            self._change()
        known = {each.seq for each in before}
        self.changes.update(each.kind for each in self.device.outbox.all() if each.seq not in known)

    def _id(self) -> uuid.UUID:
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    def _change(self) -> None:
        dice = self.chance.random()
        if dice < 0.1:
            self._change_week()
        elif dice < 0.2:
            self._use_timer()
        elif dice < 0.27:
            self._change_absence()
        elif dice < 0.3:
            self._change_target()
        elif dice < 0.4:
            self._settle_a_problem()
        else:
            self._change_entry()

    def _some_day(self) -> date:
        return self.today - timedelta(days=self.chance.randrange(7 * WEEKS))

    def _change_entry(self) -> None:
        timesheet, day = self.device.timesheet, self._some_day()
        week = timesheet.week(Week.of(day))
        known = [entry for each in week.days for entry in each.entries]
        dice = self.chance.random()
        if known and dice < (0.6 if len(known) > MANY_ENTRIES else 0.2):
            return self._delete(self.chance.choice(known).id)
        edited = self.chance.choice(known).id if known and dice > 0.6 else None
        label = self._label()
        timesheet.save(draft(date=day, minutes=1 + len(label), note=label), edited)
        self.meant.add(label)
        return None

    def _delete(self, entry_id: str) -> None:
        seq = self.device.timesheet.delete(entry_id)
        label = f"delete {entry_id}"
        if self.chance.random() < 0.3:
            self.device.outbox.cancel(seq)
        else:
            self.meant.add(label)

    def _use_timer(self) -> None:
        """Start it, or stop it and save; an entry that cannot be saved leaves it running."""
        timer = TimerModel(self.workspace, self.clock)
        if not timer.running:
            timer.choose_project("APOLLO")
            timer.type_note(self._label())
            timer.start()
            return
        label = timer.note
        form = timer.stop()
        if form.save():
            self.timers += 1
            self.meant.add(label)
        else:
            assert TimerModel(self.workspace, self.clock).running

    def _change_absence(self) -> None:
        model = AbsencesModel(self.workspace, self.clock, lambda _message: None)
        known = [row.absence for row in model.rows]
        if known and self.chance.random() < (0.8 if len(known) > 5 else 0.3):
            chosen = self.chance.choice(known)
            before = self.device.outbox.counts()
            model.delete(chosen)
            if self.device.outbox.counts() != before:
                self.meant.add(f"delete {chosen.id}")
            return
        edited = self.chance.choice(known) if known and self.chance.random() < 0.4 else None
        form = model.form(edited.id if edited is not None else None)
        first = self.today + timedelta(days=self.chance.randrange(-20, 100))
        form.set_since(first)
        form.set_until(first + timedelta(days=self.chance.randrange(3)))
        form.choose_kind(self.chance.choice((AbsenceKind.VACATION, AbsenceKind.SICK)))
        form.set_half_days(self.chance.random() < 0.3)
        label = self._label()
        form.type_note(label)
        if form.save():
            self.meant.add(label)

    def _change_target(self) -> None:
        """Different on each device: a target that two of them chose could be either's."""
        self._number += 1
        minutes = 1000 + 3 * self._number + ("phone", "desk", "approver").index(self.name)
        self.device.outbox.add(
            ChangeKind.PROFILE,
            ChangeKind.PROFILE,
            {"target_minutes": minutes},
            self.clock.now(),
        )
        self.meant.add(f"target {minutes}")

    def _change_week(self) -> None:
        week = Week.of(self._some_day())
        timesheet = self.device.timesheet
        view = timesheet.week(week)
        before = self.device.outbox.of_target(str(week))
        if view.can_submit:
            kind = ChangeKind.SUBMIT
            timesheet.submit(week)
        elif view.state is State.SUBMITTED:
            kind = ChangeKind.WITHDRAW
            timesheet.withdraw(week)
        else:
            return
        if len(self.device.outbox.of_target(str(week))) > len(before):
            self.steps[kind, str(week)] += 1

    def _settle_a_problem(self) -> None:
        """Edit, try again, take theirs or drop: one of the things that a card offers."""
        model = ProblemsModel(self.workspace, self.clock)
        if not model.problems:
            return
        problem = self.chance.choice(model.problems)
        chosen = self.chance.choice(problem.resolutions)
        if chosen in (Resolution.DROP, Resolution.TAKE_THEIRS):
            before = self.unsent
            model.drop(problem.seq)
            self.given_up |= before - self.unsent
        elif chosen is Resolution.RETRY:
            if problem.kind.service is ServiceName.PROFILE:
                self._ask_again(problem.seq)
            model.retry(problem.seq)
        else:
            self._edit_a_problem(model, problem.seq)

    def _ask_again(self, seq: int) -> None:
        """A target or delegate that another one has replaced since is meant once more."""
        change = self.device.outbox.read(seq)
        if change is not None:
            labels = self._labels([change])
            self.again.update(labels)
            accepted = self.network.accepted
            accepted[:] = [each for each in accepted if each.label not in labels]

    def _edit_a_problem(self, model: ProblemsModel, seq: int) -> None:
        """Keep mine, in other words: the new change has a label of its own."""
        change = self.device.outbox.read(seq)
        form: EntryForm | None = model.edit(seq, lambda _day: None)
        if change is None or form is None:
            return
        replaced, label = str(change.body["note"]), self._label()
        form.note = label
        if form.save():
            self.given_up.add(replaced)
            self.meant.add(label)


def _method(change: Change) -> str:
    """DELETE for a change that is sent so; the others are known by their bodies."""
    ends_delegation = change.kind is ChangeKind.DELEGATE and not change.payload
    return DELETED if change.kind in DELETIONS or ends_delegation else ""
