"""The person who is signed in, and everything the app holds for them."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from mobile.core.clock import Clock
from mobile.core.database import Database, database_path
from mobile.core.ended import clear_others
from mobile.core.identity import Identity
from mobile.core.issuer import Issuer
from mobile.core.network import Api, Unreachable
from mobile.core.outbox import Outbox
from mobile.core.pictures import Pictures
from mobile.core.recovery import open_store
from mobile.core.rules import Scope
from mobile.core.settings import AppSettings
from mobile.core.signin import SignedIn, SignIn
from mobile.core.store import Store
from mobile.core.sync import SyncEngine
from mobile.core.timer import keep_timer, take_timer
from mobile.core.timesheet import LocalTimesheet
from mobile.core.tokens import (
    SESSION,
    Renewal,
    StoredSession,
    TokenManager,
    TokenStore,
    TokenStoreError,
)

log = logging.getLogger(__name__)

IDENTITY = "identity"
PICTURES = "pictures"


@dataclass(frozen=True)
class Workspace:
    """One person's data, pending changes and synchronisation.

    `rescued` counts the unsent changes saved from a damaged store; None: the store was sound.
    """

    database: Database
    store: Store
    outbox: Outbox
    timesheet: LocalTimesheet
    tokens: TokenManager
    engine: SyncEngine
    rescued: int | None = None

    @property
    def person(self) -> str:
        """The `sub` of the person whose data this is."""
        return self.database.person

    @property
    def identity(self) -> Identity:
        """The person as the ID token named them."""
        known = self.store.get(IDENTITY) or {}
        return Identity(self.person, known.get("name"), known.get("email"), known.get("picture"))

    def may(self, scope: Scope) -> bool:
        """Whether the access token has the scope."""
        return scope in self.engine.scopes


@dataclass
class Session:
    """Opens and closes workspaces; `folder` holds the people's files."""

    settings: AppSettings
    token_store: TokenStore
    http: httpx.AsyncClient
    folder: Path
    clock: Clock
    on_change: Callable[[], None] = lambda: None
    workspace: Workspace | None = field(default=None, init=False)
    _running: asyncio.Task[None] | None = field(default=None, init=False)
    # The unsent changes of the person whose sign-in the issuer ended.
    ended_with: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.issuer = Issuer(self.http, self.settings, self.clock)
        self.pictures = Pictures(self.http, self.folder / PICTURES)
        self.signing_in = SignIn(self.issuer, self.settings, self.token_store, self.clock)

    async def restore(self) -> None:
        """Open the workspace of the last start, without the network.

        Raises `TokenStoreError`, `NewerStore` or `StoreFull`.
        """
        session = await self._stored()
        if session is not None and session.issuer == self.settings.issuer:
            self._open(session.sub)

    async def complete(self, callback: str) -> None:
        """Sign in with the callback address. Raises as `SignIn.complete` and `restore` do."""
        signed_in = await self.signing_in.complete(callback)
        await self.close()
        self._begin(signed_in)

    def start(self) -> None:
        """Synchronise from now on."""
        if self.workspace is not None and self._running is None:
            self._running = asyncio.create_task(self.workspace.engine.run())
            self._running.add_done_callback(self._note_end)

    async def sign_out(self, back_to: str) -> str | None:
        """Delete the person's data, with or without a network, and revoke the tokens.

        Returns the address that ends the browser's session, None if the issuer cannot be reached.
        """
        session = await self._stored_or_none()
        await self._wipe()
        self.on_change()
        try:
            if session is not None:
                await self.issuer.revoke(session.refresh_token)
            return await self.issuer.sign_out_address(back_to)
        except Unreachable:
            log.info("signed out while the issuer is out of reach")
            return None

    async def close(self) -> None:
        """Stop, and keep everything. Waits for a renewal: its refresh token is the only one."""
        await self._stop_engine()
        workspace, self.workspace = self.workspace, None
        if workspace is not None:
            workspace.tokens.on_renewed = lambda _renewal: None
            await workspace.tokens.finish()
            workspace.database.close()

    async def close_after_sending(self, seconds: float) -> None:
        """Close, but first send for `seconds` at most."""
        await self._stop_engine()
        if self.workspace is not None:
            await self.workspace.engine.flush(seconds)
        await self.close()

    async def _stop_engine(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _wipe(self) -> None:
        database = None
        if self.workspace is not None:
            self.workspace.tokens.end_here()
            database = self.workspace.database
            if database.path is not None:
                keep_timer(self.workspace.store, database.path.with_suffix(".timer"))
        await self.close()
        if database is not None:
            database.wipe()
        shutil.rmtree(self.folder / PICTURES, ignore_errors=True)
        for name in (SESSION, "pending"):
            try:
                await asyncio.to_thread(self.token_store.delete, name)
            except TokenStoreError:
                log.warning("the token store could not be cleared")

    def _begin(self, signed_in: SignedIn) -> None:
        workspace = self._open(signed_in.identity.sub)
        clear_others(self.folder, workspace.database.path)
        workspace.store.set(IDENTITY, asdict(signed_in.identity))
        workspace.tokens.take(signed_in.grant)
        if signed_in.grant.scopes is not None:
            workspace.engine.note_scopes(signed_in.grant.scopes)
        self.on_change()

    def _open(self, sub: str) -> Workspace:
        opened = open_store(database_path(self.folder, self.settings.issuer, sub), sub)
        database = opened.database
        store, outbox = Store(database), Outbox(database)
        if database.path is not None:
            take_timer(store, database.path.with_suffix(".timer"))
        tokens = TokenManager(self.issuer, self.token_store, self.clock, sub)
        api = Api(self.http, self.settings.api, tokens)
        engine = SyncEngine(database, api, self.clock, on_change=self._changed)
        timesheet = LocalTimesheet(store, outbox, self.clock)
        workspace = Workspace(
            database, store, outbox, timesheet, tokens, engine, rescued=opened.rescued
        )
        tokens.on_renewed = lambda renewal: _note_renewal(workspace, renewal)
        self.workspace = workspace
        return workspace

    def _note_end(self, running: asyncio.Task[None]) -> None:
        """The engine ends only when the issuer ended the sign-in. The store stays for the person's
        next sign-in."""
        if running is not self._running:
            return
        self._running = None
        if not running.cancelled() and running.exception() is not None:
            log.error("synchronising stopped", exc_info=running.exception())
            self.start()
            return
        if self.workspace is not None:
            self.ended_with = sum(self.workspace.outbox.counts())
            self.workspace.database.close()
            self.workspace = None
        self._changed()

    def _changed(self) -> None:
        self.on_change()

    async def _stored(self) -> StoredSession | None:
        text = await asyncio.to_thread(self.token_store.load, SESSION)
        return StoredSession.from_text(text) if text is not None else None

    async def _stored_or_none(self) -> StoredSession | None:
        try:
            return await self._stored()
        except TokenStoreError:
            return None


def _note_renewal(workspace: Workspace, renewal: Renewal) -> None:
    if renewal.identity is not None:
        workspace.store.set(IDENTITY, asdict(renewal.identity))
    if renewal.scopes is not None:
        workspace.engine.note_scopes(renewal.scopes)
