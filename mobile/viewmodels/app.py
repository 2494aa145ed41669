"""The whole app: which screen is to be seen, and what lies over all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mobile.core.clock import Clock
from mobile.core.network import Unreachable
from mobile.core.rules import Scope
from mobile.core.session import Session, Workspace
from mobile.core.signin import CallbackMismatch, SignInFailed
from mobile.core.tokens import TokenStoreError
from mobile.viewmodels.approvals import ApprovalsModel
from mobile.viewmodels.base import SnackbarMessage, Tasks, ViewModel
from mobile.viewmodels.problems import ProblemsModel
from mobile.viewmodels.profile import ProfileModel
from mobile.viewmodels.timer import TimerModel
from mobile.viewmodels.week import WeekModel

log = logging.getLogger(__name__)

# While hundreds of changes are sent, a screen that looked after each would do nothing else.
UPDATE_INTERVAL = 0.1


class Stage(StrEnum):
    STARTING = "starting"
    SIGN_IN = "sign_in"
    BROWSER = "browser"
    NO_RIGHTS = "no_rights"
    MAIN = "main"


class Tab(StrEnum):
    WEEK = "week"
    TIMER = "timer"
    APPROVALS = "approvals"
    PROFILE = "profile"


class Browser(Protocol):
    """The system's browser and the way back from it."""

    async def listen(self, redirect_uri: str | None) -> str:
        """Be ready for an answer, where a killed app waited for it if that is given; the address
        to come back to."""

    def open(self, address: str) -> None: ...

    async def answer(self) -> str:
        """The address that the browser came back to."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Models:
    """The viewmodels of who is signed in."""

    week: WeekModel
    timer: TimerModel
    approvals: ApprovalsModel
    profile: ProfileModel
    problems: ProblemsModel


class AppModel(ViewModel):
    def __init__(self, session: Session, browser: Browser) -> None:
        super().__init__()
        self._session = session
        self._browser = browser
        self._waiting: object | None = None
        self._signing_out: asyncio.Task[None] | None = None
        self._update_timer: asyncio.TimerHandle | None = None
        self.tasks = Tasks()
        # What is done for the person who is signed in, and ends with that.
        self._work = Tasks()
        self.stage = Stage.STARTING
        self.failure: str | None = None
        self.models: Models | None = None
        self.on_message: Callable[[SnackbarMessage], None] = lambda _snackbar: None
        session.on_change = self._session_changed

    @property
    def workspace(self) -> Workspace | None:
        return self._session.workspace

    @property
    def clock(self) -> Clock:
        return self._session.clock

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """Approvals only for those who may approve."""
        may = self.workspace is not None and self.workspace.may(Scope.APPROVE_TIMESHEETS)
        return tuple(tab for tab in Tab if tab is not Tab.APPROVALS or may)

    @property
    def badges(self) -> dict[Tab, int]:
        """What waits on each tab."""
        if self.models is None:
            return {}
        return {Tab.APPROVALS: len(self.models.approvals.pending)}

    @property
    def busy(self) -> bool:
        return self.workspace is not None and self.workspace.engine.state.busy

    @property
    def offline(self) -> bool:
        return self.workspace is not None and self.workspace.engine.state.offline is True

    @property
    def server_failed(self) -> bool:
        return self.workspace is not None and self.workspace.engine.state.failed

    @property
    def counts(self) -> tuple[int, int]:
        """(changes waiting, problems)."""
        return self.workspace.outbox.counts() if self.workspace is not None else (0, 0)

    @property
    def email(self) -> str:
        return (self.workspace.identity.email or "") if self.workspace is not None else ""

    @property
    def picture(self) -> str | None:
        """Where the person's picture lies on this device."""
        address = self.workspace.identity.picture if self.workspace is not None else None
        path = self._session.pictures.path(address) if address else None
        return str(path) if path is not None else None

    async def start(self) -> None:
        """Show what is stored; the network is not waited for."""
        try:
            await self._session.restore()
            pending = await self._session.signing_in.pending()
        except TokenStoreError:
            self.failure, pending = "store", None
        if self.workspace is None and pending is not None:
            self._show(Stage.BROWSER)
            self.tasks.spawn(self._wait_for_answer(await self._listen(pending.redirect_uri)))
            return
        self._enter()

    @property
    def can_agree(self) -> bool:
        """Whether a plain file would be left to keep the sign-in in, if the person agrees."""
        return bool(getattr(self._session.token_store, "needs_consent", False))

    def agree(self) -> None:
        self._session.token_store.agree()  # type: ignore[attr-defined] # asked by `can_agree`
        self.sign_in()

    def sign_in(self) -> None:
        self.failure = None
        self.tasks.spawn(self._sign_in())

    def cancel_sign_in(self) -> None:
        self._waiting = None
        self.tasks.spawn(self._cancel())

    def synchronise(self) -> None:
        if self.workspace is not None:
            self.workspace.engine.wake(pull=True)

    def sign_out(self, back_to: str) -> None:
        self._signing_out = self.tasks.spawn(self._sign_out(back_to))

    async def stop(self) -> None:
        if self._update_timer is not None:
            self._update_timer.cancel()
        await self.tasks.cancel()
        await self._work.cancel()
        await self._browser.close()
        await self._session.close()

    async def _sign_in(self) -> None:
        self._show(Stage.BROWSER)
        if self._signing_out is not None:
            # It empties the store, and sends the browser to where its session ends.
            await asyncio.wait({self._signing_out})
            if self.stage is not Stage.BROWSER:
                return
        try:
            redirect_uri = await self._listen(None)
            address = await self._session.signing_in.begin(redirect_uri)
        except (Unreachable, TokenStoreError) as error:
            self.failure = "store" if isinstance(error, TokenStoreError) else "offline"
            self._show(Stage.SIGN_IN)
            return
        self._browser.open(address)
        await self._wait_for_answer(redirect_uri)

    async def _listen(self, redirect_uri: str | None) -> str:
        return await self._browser.listen(redirect_uri)

    async def _wait_for_answer(self, redirect_uri: str) -> None:
        """Until the right one comes: others may come before it, forged or old."""
        self._waiting = waiting = object()
        log.info("waiting for the browser at %s", redirect_uri.partition("?")[0])
        while self._waiting is waiting:
            if await self._complete(await self._browser.answer()):
                await self._browser.close()
                return

    async def _complete(self, address: str) -> bool:
        """Whether the wait is over."""
        try:
            await self._session.complete(address)
        except CallbackMismatch:
            return False
        except SignInFailed as error:
            self.failure = error.reason
        except Unreachable:
            self.failure = "offline"
        except TokenStoreError:
            self.failure = "store"
        self._enter()
        return True

    async def _cancel(self) -> None:
        await self._browser.close()
        try:
            await self._session.signing_in.cancel()
        except TokenStoreError:
            log.warning("the token store could not be cleared")
        self._show(Stage.SIGN_IN)

    async def _sign_out(self, back_to: str) -> None:
        # First nobody looks at the store any more, then it goes.
        self.models = None
        self._show(Stage.SIGN_IN)
        await self._work.cancel()
        address = await self._session.sign_out(back_to)
        if address is not None:
            self._browser.open(address)

    def _enter(self) -> None:
        workspace = self.workspace
        if workspace is None:
            self.models = None
            self._show(Stage.SIGN_IN)
            return
        self.failure = None
        self.models = self._make_models(workspace)
        self._session.start()
        self._show(self._stage_of(workspace))
        if workspace.identity.picture is not None and self.picture is None:
            self.tasks.spawn(self._fetch_picture(workspace.identity.picture))

    async def _fetch_picture(self, address: str) -> None:
        await self._session.pictures.fetch(address)
        if self.models is not None:
            self.models.profile.changed()

    def _make_models(self, workspace: Workspace) -> Models:
        clock = self._session.clock
        return Models(
            week=WeekModel(workspace, clock, self._notify),
            timer=TimerModel(workspace, clock),
            approvals=ApprovalsModel(workspace, clock, self._work, self._notify),
            profile=ProfileModel(workspace, clock, self._work, self._notify),
            problems=ProblemsModel(workspace, clock),
        )

    def _session_changed(self) -> None:
        if self.workspace is None:
            self._update()
        elif self._update_timer is None:
            self._update_timer = asyncio.get_running_loop().call_later(
                UPDATE_INTERVAL, self._update
            )

    def _update(self) -> None:
        if self._update_timer is not None:
            self._update_timer.cancel()
            self._update_timer = None
        workspace = self.workspace
        if self.stage not in (Stage.MAIN, Stage.NO_RIGHTS):
            return
        if workspace is None or self.models is None:
            self.models = None
            self.tasks.spawn(self._work.cancel())
            self._show(Stage.SIGN_IN)
            return
        self.models.week.refresh()
        self.models.approvals.refresh()
        self.models.profile.changed()
        self.models.problems.changed()
        self._show(self._stage_of(workspace))

    def _stage_of(self, workspace: Workspace) -> Stage:
        known = workspace.engine.scopes
        return Stage.MAIN if Scope.READ_TIMESHEETS in known else Stage.NO_RIGHTS

    def _show(self, stage: Stage) -> None:
        self.stage = stage
        self.changed()

    def _notify(self, message: SnackbarMessage) -> None:
        self.on_message(message)
