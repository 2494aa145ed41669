"""Synchronising: send what the person did, then read what others did."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from mobile.core.changes import ChangeKind, Failure, ServiceName
from mobile.core.clock import Clock
from mobile.core.database import Database, StoreFull
from mobile.core.network import (
    AccountInactive,
    Api,
    RequestRejected,
    SignedOut,
    StepUpRequired,
    Unreachable,
    UpdateRequired,
)
from mobile.core.outbox import Outbox
from mobile.core.pulling import Puller
from mobile.core.rejections import RejectionRecorder
from mobile.core.rules import Scope
from mobile.core.sending import ChangeSender
from mobile.core.services import Services
from mobile.core.store import Store
from mobile.core.sync_state import SyncState, as_unreachable, problem_of
from mobile.core.weeks import Week
from mobile.core.wire import UnexpectedResponse

log = logging.getLogger(__name__)

# Seconds to wait after a failure: doubled each time, with jitter.
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 120.0
# A service that answers 500 to more changes than this is down.
MAX_BROKEN = 2
# A change that the server answers 500 to so often, while others pass, is shown as a problem.
MAX_ATTEMPTS = 6
# Seconds between two pulls while the app is open.
PERIOD = 300.0
SYNCED_AT, SCOPES = "synced_at", "scopes"


@dataclass
class SyncEngine:
    """Runs until cancelled or signed out; no other failure ends it."""

    database: Database
    api: Api
    clock: Clock
    on_change: Callable[[], None] = lambda: None
    on_signed_out: Callable[[], None] = lambda: None
    random: random.Random = field(default_factory=random.Random)
    state: SyncState = field(default_factory=SyncState, init=False)
    # The week on the screen; it is refreshed however old it is.
    shown_week: Week | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._store = Store(self.database)
        self._outbox = Outbox(self.database)
        self.services = Services(self.api, self._store.validators)
        self._puller = Puller(self.database, self._store, self.services, self.clock)
        rejections = RejectionRecorder(self.database, self._store, self._outbox, self.api)
        self._sender = ChangeSender(self.database, self._store, self._outbox, self.api, rejections)
        self._woken = asyncio.Event()
        self._requested_weeks: set[Week] = set()
        self._pull_due = True
        self._decided_due = True
        self._errors: dict[ServiceName, Unreachable] = {}

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of the access token, as they were last seen."""
        return frozenset(self._store.get(SCOPES) or ())

    def wake(self, *, pull: bool = False) -> None:
        """There is something to send, or with `pull` something to read."""
        self._pull_due = self._pull_due or pull
        self._woken.set()

    def request_week(self, week: Week) -> None:
        """Read a week soon; its entries may be missing here or out of date."""
        self._requested_weeks.add(week)
        self._woken.set()

    def request_decided(self) -> None:
        """Read the decided approvals with the next pull."""
        self._decided_due = True
        self.wake(pull=True)

    async def run(self) -> None:
        """Send and refresh until the person is signed out; pause longer after each failure."""
        failures = 0
        while True:
            self._woken.clear()
            try:
                await self.sync()
                failures = 0
                pause = self._pause_when_idle()
            except SignedOut:
                self.on_signed_out()
                return
            except Exception as error:
                failures += 1
                pause = self._pause_after(failures)
                if isinstance(error, Unreachable):
                    pause = max(pause, error.retry_after)
                elif not isinstance(error, UpdateRequired | AccountInactive | StoreFull):
                    log.exception("synchronising failed and will be tried again")
            await self._rest(pause)

    async def sync(self) -> None:
        """Send all that can be sent, then read what is due.

        Raises what stopped it: `Unreachable` once every service was tried, `SignedOut`,
        `UpdateRequired`, `AccountInactive`, `StoreFull`, or anything unforeseen.
        """
        self._set_state(replace(self.state, busy=True))
        self._errors = {}
        error: Exception | None
        try:
            await self._push()
            await self._pull_if_due()
            error = next(iter(self._errors.values()), None)
        except Exception as raised:
            error = raised
        self._set_state(self._state_after(error))
        if error is not None:
            raise error

    def _state_after(self, error: Exception | None) -> SyncState:
        offline = self.state.offline
        if error is None or isinstance(error, Unreachable):
            offline = error is not None and error.offline
        return replace(
            self.state,
            busy=False,
            offline=offline,
            unavailable=frozenset() if offline else frozenset(self._errors),
            problem=problem_of(error),
        )

    async def flush(self, seconds: float) -> None:
        """Send everything now, undo or not: the app pauses or closes. Takes `seconds` at most."""
        try:
            self._outbox.release_holds()
            if self._outbox.next(self.clock.now().timestamp()) is None:
                return
            async with asyncio.timeout(seconds):
                await self._push()
        except (Unreachable, SignedOut, UpdateRequired, AccountInactive, TimeoutError) as error:
            log.info("not everything was sent before the pause: %s", type(error).__name__)
        except Exception:
            log.exception("sending before the pause failed")

    async def _push(self) -> None:
        """Send in order. A service that is down, or a change it breaks on, holds up no others."""
        self._set_state(replace(self.state, step_up=None))
        broken: dict[int, ServiceName] = {}
        blocked: set[ChangeKind] = set()
        accepted: set[ServiceName] = set()
        while change := self._outbox.next(self._now(), broken, blocked):
            service = change.kind.service
            try:
                await self._sender.send(change)
                accepted.add(service)
            except StepUpRequired as error:
                self._set_state(replace(self.state, step_up=error))
                blocked.add(change.kind)
            except (Unreachable, UnexpectedResponse) as error:
                unreachable = as_unreachable(error)
                if unreachable.offline:
                    raise unreachable from error
                self._errors[service] = unreachable
                broken[change.seq] = service
                if not unreachable.broken or list(broken.values()).count(service) > MAX_BROKEN:
                    blocked |= {kind for kind in ChangeKind if kind.service is service}
            finally:
                self.on_change()
        self._count_attempts(broken, accepted)

    def _count_attempts(self, broken: dict[int, ServiceName], accepted: set[ServiceName]) -> None:
        """A change that alone fails, again and again, becomes a problem with a name."""
        for seq, service in broken.items():
            if service in accepted and self._outbox.count_attempt(seq) >= MAX_ATTEMPTS:
                self._outbox.set_failure(seq, Failure(500, "Internal error."))

    async def _pull_if_due(self) -> None:
        if self._pull_due:
            await self.pull()
            self._pull_due = bool(self._errors)
        while self._requested_weeks:
            week = max(self._requested_weeks)
            await self._guard(ServiceName.ENTRIES, partial(self._puller.week, week))
            self._requested_weeks.discard(week)
            self.on_change()

    async def pull(self) -> None:
        """Read from every service; one that does not answer costs the others nothing."""
        await self._guard(ServiceName.ENTRIES, self._pull_own)
        reads = [self._guard(ServiceName.PROFILE, self._puller.profile)]
        if Scope.APPROVE_TIMESHEETS in self.scopes:
            reads.append(self._guard(ServiceName.APPROVALS, self._pull_approvals))
        for result in await asyncio.gather(*reads, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        if ServiceName.ENTRIES not in self._errors:
            self._store.set(SYNCED_AT, self.clock.now().isoformat())
        self.on_change()

    async def _pull_own(self) -> None:
        """The rules first: their scopes say what else may be read."""
        self.note_scopes((await self._puller.rules()).scopes)
        self._pull_due = True
        if Scope.READ_TIMESHEETS in self.scopes:
            shown = {self.shown_week} if self.shown_week is not None else set()
            await self._puller.own(shown | self._requested_weeks)
            self._requested_weeks.clear()

    async def _pull_approvals(self) -> None:
        due, self._decided_due = self._decided_due, False
        try:
            await self._puller.approvals(with_decided=due)
        except BaseException:
            self._decided_due = due
            raise

    async def _guard(self, service: ServiceName, pull: Callable[[], Awaitable[None]]) -> None:
        """Note that a service does not answer. Raises `Unreachable` only if nothing does."""
        if service in self._errors and not self._errors[service].broken:
            return
        try:
            await pull()
        except RequestRejected as error:
            log.warning("%s rejected a read: %s", service, error.status)
            if service is ServiceName.ENTRIES:
                self._errors[service] = Unreachable(offline=False)
        except (Unreachable, UnexpectedResponse, StepUpRequired) as error:
            unreachable = as_unreachable(error)
            if unreachable.offline:
                raise unreachable from error
            log.warning("%s cannot be read: %s", service, type(error).__name__)
            self._errors[service] = unreachable

    def note_scopes(self, scopes: frozenset[str] | tuple[str, ...]) -> None:
        """Store the scopes that hold now; without approve:timesheets the approvals go."""
        known = frozenset(scopes) & {scope.value for scope in Scope}
        if self._store.get(SCOPES) is not None and known == self.scopes:
            return
        with self.database.transaction():
            self._store.set(SCOPES, sorted(known))
            if Scope.APPROVE_TIMESHEETS not in known:
                self._store.forget_approvals()
                self._store.validators.forget("/v1/approvals")
        self._pull_due = self._decided_due = True
        self.on_change()

    async def read_approval(self, approval_id: str) -> None:
        """Read entries and history. Raises `Unreachable`, `RequestRejected` or `SignedOut`."""
        body = await self.services.approval(approval_id)
        self._store.validators.forget("/v1/approvals")
        self._store.put_approval(body, detailed=True)
        self.on_change()

    async def _rest(self, pause: float) -> None:
        """Wait until there is something to do, `pause` seconds at most."""
        waiting = asyncio.ensure_future(self._woken.wait())
        resting = asyncio.ensure_future(self.clock.sleep(pause))
        try:
            await asyncio.wait((waiting, resting), return_when=asyncio.FIRST_COMPLETED)
            self._pull_due = self._pull_due or resting.done()
        finally:
            waiting.cancel()
            resting.cancel()

    def _now(self) -> float:
        return self.clock.now().timestamp()

    def _pause_when_idle(self) -> float:
        now = self._now()
        hold_end = self._outbox.next_hold_end(now)
        return PERIOD if hold_end is None else min(PERIOD, max(0.0, hold_end - now) + 0.05)

    def _pause_after(self, failures: int) -> float:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
        return longest * self.random.uniform(0.5, 1.0)

    def _set_state(self, state: SyncState) -> None:
        if state != self.state:
            self.state = state
            self.on_change()
