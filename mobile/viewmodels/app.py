"""The whole app: which screen is shown, and what lies over all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from mobile.core.clock import Clock
from mobile.core.database import NewerStore, StoreFull
from mobile.core.network import StepUpRequired, Unreachable
from mobile.core.session import Session, Workspace
from mobile.core.signin import CallbackMismatch, SignInFailed
from mobile.core.sync_state import SyncState
from mobile.core.tokens import TokenStoreError
from mobile.viewmodels.base import SnackbarMessage, Tasks, ViewModel
from mobile.viewmodels.stages import (
    Browser,
    Models,
    Stage,
    Tab,
    failure_of,
    make_models,
    stage_of,
    tabs_of,
)

log = logging.getLogger(__name__)

# While hundreds of changes are sent, a screen that refreshed after each would do nothing else.
UPDATE_INTERVAL = 0.1
CLOSING_SECONDS = 5.0  # closing the window takes no longer


class AppModel(ViewModel):
    """`failure` is the key of the sentence that the sign-in screen shows."""

    def __init__(self, session: Session, browser: Browser) -> None:
        super().__init__()
        self._session = session
        self._browser = browser
        self._waiting: object | None = None
        self._signing_out: asyncio.Task[None] | None = None
        self._update_timer: asyncio.TimerHandle | None = None
        self.tasks = Tasks()
        # Work for the person who is signed in; it ends with the sign-in.
        self._work = Tasks()
        self.stage = Stage.STARTING
        self.failure: str | None = None
        self.models: Models | None = None
        self.on_message: Callable[[SnackbarMessage], None] = lambda _message: None
        session.on_change = self._session_changed

    @property
    def workspace(self) -> Workspace | None:
        """The data of the signed-in person; None before."""
        return self._session.workspace

    @property
    def clock(self) -> Clock:
        """The device's clocks."""
        return self._session.clock

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """Approvals only with the scope."""
        return tabs_of(self.workspace)

    @property
    def badges(self) -> dict[Tab, int]:
        """The number of open items on each tab."""
        return self.models.badges if self.models is not None else {}

    @property
    def sync_state(self) -> SyncState:
        """The state of sending and refreshing."""
        return self.workspace.engine.state if self.workspace is not None else SyncState()

    @property
    def offline(self) -> bool:
        """Whether the last try reached no server."""
        return self.sync_state.offline is True

    @property
    def counts(self) -> tuple[int, int]:
        """(changes waiting, problems)."""
        return self.workspace.outbox.counts() if self.workspace is not None else (0, 0)

    @property
    def ended_with(self) -> int:
        """The unsent changes that are kept for the person whose sign-in ended."""
        return self._session.ended_with

    @property
    def email(self) -> str:
        """The person's e-mail; empty if it is unknown."""
        return (self.workspace.identity.email if self.workspace is not None else None) or ""

    @property
    def picture(self) -> str | None:
        """The path of the person's picture on this device."""
        address = self.workspace.identity.picture if self.workspace is not None else None
        path = self._session.pictures.path(address) if address else None
        return str(path) if path is not None else None

    async def start(self) -> None:
        """Show what is stored, without waiting for the network."""
        pending = None
        try:
            await self._session.restore()
            pending = await self._session.signing_in.pending()
        except (TokenStoreError, NewerStore, StoreFull) as error:
            self.failure = failure_of(error)
        if self.workspace is None and pending is not None:
            self._show(Stage.BROWSER)
            redirect_uri = await self._browser.listen(pending.redirect_uri)
            self.tasks.spawn(self._wait_for_answer(redirect_uri))
            return
        self._enter()

    @property
    def can_agree(self) -> bool:
        """Whether the sign-in could be kept in a plain file if the person agrees."""
        return bool(getattr(self._session.token_store, "needs_consent", False))

    def agree(self) -> None:
        """Agree to keep tokens without the system's key store, and sign in."""
        self._session.token_store.agree()  # type: ignore[attr-defined] # checked by `can_agree`
        self.sign_in()

    def sign_in(self) -> None:
        """Begin to sign in."""
        self.failure = None
        self.tasks.spawn(self._sign_in(None))

    def step_up(self) -> None:
        """Sign in again with the second factor that the API demands; then decisions are sent."""
        if self.sync_state.step_up is not None:
            self.tasks.spawn(self._sign_in(self.sync_state.step_up))

    def cancel_sign_in(self) -> None:
        """Give up the sign-in that is under way."""
        self._waiting = None
        self.tasks.spawn(self._cancel())

    def synchronise(self) -> None:
        """Send and refresh now."""
        if self.workspace is not None:
            self.workspace.engine.wake(pull=True)

    def resume(self) -> None:
        """The app is on the screen again, perhaps on another day."""
        if self.models is not None:
            self.models.week.resume()
        self.tick()
        self.synchronise()

    def tick(self) -> None:
        """Time has passed: the day may have changed."""
        if self.stage is Stage.MAIN and self.models is not None:
            self.models.week.refresh()
            self.models.grid.refresh()

    def release_holds(self) -> None:
        """The app is about to pause: what could still be undone is sent."""
        if self.workspace is not None:
            self.workspace.outbox.release_holds()

    @property
    def access_token(self) -> str | None:
        """The valid access token, for sending in the background."""
        return self.workspace.tokens.held if self.workspace is not None else None

    def sign_out(self, back_to: str) -> None:
        """Sign out, and let the browser come back to the address."""
        self._signing_out = self.tasks.spawn(self._sign_out(back_to))

    async def stop(self) -> None:
        """Send what waits, for a few seconds at most, and close everything."""
        if self._update_timer is not None:
            self._update_timer.cancel()
        await self.tasks.cancel()
        await self._work.cancel()
        await self._browser.close()
        await self._session.close_after_sending(CLOSING_SECONDS)

    async def _sign_in(self, step_up: StepUpRequired | None) -> None:
        self._show(Stage.BROWSER)
        if self._signing_out is not None:
            # It empties the store and opens the address that ends the browser's session.
            await asyncio.wait({self._signing_out})
            if self.stage is not Stage.BROWSER:
                return
        try:
            redirect_uri = await self._browser.listen(None)
            hint = self.email or None if step_up is not None else None
            address = await self._session.signing_in.begin(redirect_uri, hint, step_up)
        except (Unreachable, TokenStoreError) as error:
            self._enter()
            self.failure = failure_of(error)
            self.changed()
            return
        self._browser.open(address)
        await self._wait_for_answer(redirect_uri)

    async def _wait_for_answer(self, redirect_uri: str) -> None:
        """Wait for the right callback; others may come first, forged or old."""
        self._waiting = waiting = object()
        log.info("waiting for the browser at %s", redirect_uri.partition("?")[0])
        while self._waiting is waiting:
            if await self._complete(await self._browser.answer()):
                await self._browser.close()
                return

    async def _complete(self, address: str) -> bool:
        """Whether the wait is over."""
        failure = None
        try:
            await self._session.complete(address)
        except CallbackMismatch:
            return False
        except SignInFailed as error:
            failure = error.reason
        except (Unreachable, TokenStoreError, NewerStore, StoreFull) as error:
            failure = failure_of(error)
        self._enter()
        self.failure = failure
        self.changed()
        return True

    async def _cancel(self) -> None:
        await self._browser.close()
        try:
            await self._session.signing_in.cancel()
        except TokenStoreError:
            log.warning("the token store could not be cleared")
        if self.workspace is not None and self._signing_out is None:
            self._enter()
        else:
            self._show(Stage.SIGN_IN)

    async def _sign_out(self, back_to: str) -> None:
        # The screens let go of the store before it is deleted.
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
        self.models = make_models(workspace, self.clock, self._work, self._notify)
        self._session.start()
        self._show(stage_of(workspace))
        if workspace.rescued is not None:
            self._notify(SnackbarMessage("store.rescued", {"count": workspace.rescued}, seconds=8))
        if workspace.identity.picture is not None and self.picture is None:
            self.tasks.spawn(self._fetch_picture(workspace.identity.picture))

    async def _fetch_picture(self, address: str) -> None:
        await self._session.pictures.fetch(address)
        if self.models is not None:
            self.models.profile.changed()

    def _session_changed(self) -> None:
        if self.workspace is None:
            self._update()
        elif self._update_timer is None:
            schedule = asyncio.get_running_loop().call_later
            self._update_timer = schedule(UPDATE_INTERVAL, self._update)

    def _update(self) -> None:
        if self._update_timer is not None:
            self._update_timer.cancel()
            self._update_timer = None
        workspace, models = self.workspace, self.models
        if self.stage not in (Stage.MAIN, Stage.NO_RIGHTS, Stage.FIRST_SYNC):
            return
        if workspace is None or models is None:
            if self.models is not None:
                self.failure = "ended"
            self.models = None
            self.tasks.spawn(self._work.cancel())
            self._show(Stage.SIGN_IN)
            return
        models.refresh()
        self._show(stage_of(workspace))

    def _show(self, stage: Stage) -> None:
        self.stage = stage
        self.changed()

    def _notify(self, message: SnackbarMessage) -> None:
        self.on_message(message)
