"""Keeps this device and the server in step: first what the person did, then what others did."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date

from mobile.core.clock import Clock
from mobile.core.database import Database
from mobile.core.network import Api, RequestRejected, SignedOut, Unreachable
from mobile.core.outbox import Outbox
from mobile.core.rules import ApprovalState, Scope
from mobile.core.sending import PROFILE, ChangeSender
from mobile.core.services import Services
from mobile.core.store import Store
from mobile.core.timesheet import RULES
from mobile.core.weeks import Week
from mobile.core.wire import Delegate, Profile, Rules, UnexpectedResponse

log = logging.getLogger(__name__)

WEEKS_BACK, WEEKS_AHEAD = 8, 4
# How long to wait after a failure: doubled each time, with some chance in it.
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 120.0
# A server that breaks over more than this is down.
MOST_PASSED_OVER = 3
# How long what others did may go unnoticed while the app is open.
PERIOD = 300.0
# Decisions older than this are for the reports.
DECIDED_WEEKS = 6
SYNCED_AT, SCOPES, OVERDUE = "synced_at", "scopes", "overdue"


@dataclass(frozen=True, slots=True)
class SyncState:
    """`offline` None: nobody tried yet."""

    busy: bool = False
    offline: bool | None = None
    failed: bool = False


@dataclass
class SyncEngine:
    database: Database
    api: Api
    clock: Clock
    on_change: Callable[[], None] = lambda: None
    on_signed_out: Callable[[], None] = lambda: None
    random: random.Random = field(default_factory=random.Random)
    state: SyncState = field(default_factory=SyncState, init=False)

    def __post_init__(self) -> None:
        self._store = Store(self.database)
        self._outbox = Outbox(self.database)
        self._services = Services(self.api)
        self._sender = ChangeSender(self.database, self._store, self._outbox, self.api)
        self._woken = asyncio.Event()
        self._requested_weeks: set[Week] = set()
        self._pull_due = True

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self._store.get(SCOPES) or ())

    def wake(self, *, pull: bool = False) -> None:
        """There is something to send, or, with `pull`, a wish to see what is new."""
        self._pull_due = self._pull_due or pull
        self._woken.set()

    def request_week(self, week: Week) -> None:
        """Somebody looks at a week whose entries are not here."""
        self._requested_weeks.add(week)
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled, or until nobody is signed in any more."""
        failures = 0
        while True:
            self._woken.clear()
            try:
                await self.step()
                failures = 0
                pause = self._pause_when_idle()
            except Unreachable as error:
                failures += 1
                pause = max(self._pause_after(failures), error.retry_after)
            except SignedOut:
                self.on_signed_out()
                return
            await self._rest(pause)

    async def step(self) -> None:
        """Send all that can go, then read what is due; raises `Unreachable` or `SignedOut`."""
        self._notify(replace(self.state, busy=True))
        offline, failed = self.state.offline, False
        try:
            broken = await self.push()
            if self._pull_due:
                await self.pull()
                self._pull_due = False
            await self._pull_requested_weeks()
            if broken is not None:
                raise broken
            offline = False
        except Unreachable as error:
            offline, failed = error.offline, not error.offline
            raise
        finally:
            self._notify(SyncState(busy=False, offline=offline, failed=failed))

    async def push(self) -> Unreachable | None:
        """In the order in which they were made; what the server refuses is kept as a problem.

        What the server breaks over is passed over, a few times, and returned: it must not hold up
        the rest.
        """
        broken: Unreachable | None = None
        passed_over: set[int] = set()
        while change := self._outbox.next(self.clock.now().timestamp(), passed_over):
            try:
                await self._sender.send(change)
            except UnexpectedResponse as error:
                raise Unreachable(offline=False) from error
            except Unreachable as error:
                if not error.broken or len(passed_over) == MOST_PASSED_OVER:
                    raise
                passed_over.add(change.seq)
                broken = error
            finally:
                self.on_change()
        return broken

    async def pull(self) -> None:
        """Rules first: they say what else may be asked for."""
        try:
            rules = await self._services.rules()
            self.note_scopes(rules.scopes)
            with self.database.transaction():
                self._store.set(RULES, _rules_json(rules))
            if Scope.READ_TIMESHEETS in self.scopes:
                await self._pull_own()
            await self._pull_profile()
            if Scope.APPROVE_TIMESHEETS in self.scopes:
                await self._pull_approvals()
        except (RequestRejected, UnexpectedResponse) as error:
            log.warning("reading failed: %s", type(error).__name__)
            raise Unreachable(offline=False) from error
        self._store.set(SYNCED_AT, self.clock.now().isoformat())
        self.on_change()

    def note_scopes(self, scopes: frozenset[str] | tuple[str, ...]) -> None:
        """What may be done now: screens appear and vanish, and so does what only they showed."""
        known = frozenset(scopes) & {scope.value for scope in Scope}
        if known == self.scopes:
            return
        with self.database.transaction():
            self._store.set(SCOPES, sorted(known))
            if Scope.APPROVE_TIMESHEETS not in known:
                self._store.forget_approvals()
        self._pull_due = True
        self.on_change()

    async def read_approval(self, approval_id: str) -> None:
        """With its entries and history; raises `Unreachable`, `RequestRejected` or `SignedOut`."""
        body = await self._services.approval(approval_id)
        self._store.put_approval(body, detailed=True)
        self.on_change()

    async def _pull_own(self) -> None:
        this_week = Week.of(self.clock.today())
        first, last = this_week.plus(-WEEKS_BACK), this_week.plus(WEEKS_AHEAD)
        projects = await self._services.projects()
        timesheets = await self._services.timesheets(str(first), str(last))
        await self._pull_entries(first.monday, last.sunday)
        with self.database.transaction():
            self._store.replace_projects(projects)
            self._store.put_timesheets(timesheets, with_entries=True)

    async def _pull_entries(self, since: date, until: date) -> None:
        entries = await self._services.entries(since, until)
        self._store.replace_entries(since, until, entries)
        self.on_change()

    async def _pull_requested_weeks(self) -> None:
        while self._requested_weeks:
            week = max(self._requested_weeks)
            try:
                timesheet, entries = await self._services.week_entries(str(week))
            except (RequestRejected, UnexpectedResponse) as error:
                log.warning("a week could not be read: %s", type(error).__name__)
            else:
                with self.database.transaction():
                    self._store.replace_entries(week.monday, week.sunday, entries)
                    self._store.put_timesheets([timesheet], with_entries=True)
            self._requested_weeks.discard(week)
            self.on_change()

    async def _pull_profile(self) -> None:
        try:
            profile = await self._services.profile()
        except (Unreachable, RequestRejected) as error:
            # Any one service can be down: the others' news are no less worth.
            if isinstance(error, Unreachable) and error.offline:
                raise
            return
        self._store.set(PROFILE, _profile_json(profile))

    async def _pull_approvals(self) -> None:
        try:
            pending = await self._services.approvals(state=ApprovalState.PENDING)
            seen = {body["id"] for body in pending}
            decided = [
                body
                for week in self._recent_weeks()
                for body in await self._services.approvals(week=str(week))
                if body["id"] not in seen
            ]
            overdue = await self._services.overdue()
        except (Unreachable, RequestRejected) as error:
            if isinstance(error, Unreachable) and error.offline:
                raise
            return
        with self.database.transaction():
            self._store.replace_approvals([*pending, *decided])
            self._store.set(OVERDUE, [asdict(person) for person in overdue])

    def _recent_weeks(self) -> list[Week]:
        this_week = Week.of(self.clock.today())
        return [this_week.plus(-back) for back in range(DECIDED_WEEKS)]

    async def _rest(self, pause: float) -> None:
        """Until something is to be done, at most `pause` seconds."""
        waiting = asyncio.ensure_future(self._woken.wait())
        resting = asyncio.ensure_future(self.clock.sleep(pause))
        try:
            await asyncio.wait((waiting, resting), return_when=asyncio.FIRST_COMPLETED)
            self._pull_due = self._pull_due or resting.done()
        finally:
            waiting.cancel()
            resting.cancel()

    def _pause_when_idle(self) -> float:
        now = self.clock.now().timestamp()
        hold_end = self._outbox.next_hold_end(now)
        return PERIOD if hold_end is None else min(PERIOD, max(0.0, hold_end - now) + 0.05)

    def _pause_after(self, failures: int) -> float:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
        return longest * self.random.uniform(0.5, 1.0)

    def _notify(self, state: SyncState) -> None:
        if state != self.state:
            self.state = state
            self.on_change()


def _rules_json(rules: Rules) -> dict[str, object]:
    closed = rules.closed_through.isoformat() if rules.closed_through else None
    return {"closed_through": closed, "target_minutes": rules.target_minutes}


def _profile_json(profile: Profile) -> dict[str, object]:
    told = asdict(profile)
    told["delegate"] = _delegate_json(profile.delegate) if profile.delegate is not None else None
    told["delegated_by"] = [_delegate_json(each) for each in profile.delegated_by]
    return told


def _delegate_json(delegate: Delegate) -> dict[str, object]:
    return {
        "person": delegate.person,
        "name": delegate.name,
        "from": delegate.since.isoformat(),
        "to": delegate.until.isoformat(),
    }
