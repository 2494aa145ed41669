"""Access tokens, renewed in time, one renewal at once, and the session they come from.

The refresh token is never kept in memory: each renewal takes it from the token store, so that
what is used is always what is stored.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from mobile.core.clock import Clock
from mobile.core.identity import BadIdToken, Identity
from mobile.core.issuer import Grant, GrantRefused, Issuer
from mobile.core.network import SignedOut, Unreachable

log = logging.getLogger(__name__)

SESSION = "session"
# Early enough that a slow renewal is over before the old token is.
RENEW_BEFORE = timedelta(seconds=120)
# The longest time that a closing window waits.
CLOSING_SECONDS = 5.0
LENT_FOR = timedelta(seconds=60)


class TokenStoreError(Exception):
    """The platform's password store cannot be read or written now."""


class TokenStore(Protocol):
    """The secret store of a platform. Calls may block; they raise `TokenStoreError`."""

    def load(self, name: str) -> str | None:
        """Return the secret of that name, or None."""

    def save(self, name: str, secret: str) -> None:
        """Store the secret durably before returning; an earlier one is replaced."""

    def delete(self, name: str) -> None:
        """Delete the secret, if there is one."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A sign-in as it is kept in the device's key store."""

    issuer: str
    sub: str
    refresh_token: str = field(repr=False)

    def to_text(self) -> str:
        """The text that the key store keeps."""
        members = {"issuer": self.issuer, "sub": self.sub, "refresh_token": self.refresh_token}
        return json.dumps(members)

    @classmethod
    def from_text(cls, text: str) -> StoredSession | None:
        """The sign-in of a text; None if it cannot be read."""
        try:
            found = json.loads(text)
            return cls(str(found["issuer"]), str(found["sub"]), str(found["refresh_token"]))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class _HeldToken:
    token: str = field(repr=False)
    expires_at: datetime
    renew_at: datetime


@dataclass(frozen=True, slots=True)
class Renewal:
    """The news of a renewal: the scopes granted now, and perhaps a new name or picture."""

    scopes: frozenset[str] | None
    identity: Identity | None


@dataclass
class TokenManager:
    """Tokens of one person; implements `network.Tokens`."""

    issuer: Issuer
    store: TokenStore
    clock: Clock
    sub: str
    on_renewed: Callable[[Renewal], None] = lambda _renewal: None
    on_ended: Callable[[], None] = lambda: None
    _held: _HeldToken | None = field(default=None, init=False)
    _flight: asyncio.Task[_HeldToken] | None = field(default=None, init=False)
    _unsaved: StoredSession | None = field(default=None, init=False, repr=False)
    _over: bool = field(default=False, init=False)

    def end_here(self) -> None:
        """The person signs out: a renewal that is under way must not bring them back."""
        self._over = True

    async def finish(self) -> None:
        """Wait a while for a renewal in flight, so that its refresh token is stored."""
        if self._flight is not None and not self._over:
            await asyncio.wait({self._flight}, timeout=CLOSING_SECONDS)

    @property
    def held(self) -> str | None:
        """The access token that is still valid, if any."""
        held = self._held
        return held.token if held is not None and self.clock.now() < held.renew_at else None

    def lend(self, access_token: str) -> None:
        """Use another manager's access token for a short while."""
        now = self.clock.now()
        until = now + LENT_FOR
        self._held = _HeldToken(access_token, expires_at=until, renew_at=until)

    def take(self, grant: Grant) -> None:
        """Use what a sign-in has just given; its refresh token is in the store already."""
        self._held = self._hold(grant)

    async def access_token(self) -> str:
        """A token that is valid for a while; renewed early, and used to its end while offline."""
        held, now = self._held, self.clock.now()
        if held is not None and now < held.renew_at:
            return held.token
        try:
            return (await self._renew()).token
        except Unreachable:
            if held is not None and now < held.expires_at and self._held is held:
                return held.token
            raise

    async def replace(self, stale: str) -> str:
        """A new token for one that the server rejected."""
        if self._held is not None and self._held.token != stale:
            return self._held.token
        self._held = None
        return (await self._renew()).token

    async def _renew(self) -> _HeldToken:
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._renew_once())
        # A cancelled waiter must not cancel the renewal: its answer holds the only
        # refresh token that is still good.
        return await asyncio.shield(self._flight)

    async def _renew_once(self) -> _HeldToken:
        session = await self._load()
        try:
            grant = await self.issuer.refresh(session.refresh_token)
        except GrantRefused:
            session = await self._newer_than(session)
            grant = await self._last_try(session)
        if self._over:
            raise SignedOut
        renewed = StoredSession(
            session.issuer, session.sub, grant.refresh_token or session.refresh_token
        )
        await self._save(renewed)
        self._held = self._hold(grant)
        identity = await self._identify(grant)
        self.on_renewed(Renewal(grant.scopes, identity))
        return self._held

    async def _newer_than(self, session: StoredSession) -> StoredSession:
        """Read the store again: another window of the app may have renewed."""
        present = await self._load()
        if present.refresh_token == session.refresh_token:
            await self._end()
        return present

    async def _last_try(self, session: StoredSession) -> Grant:
        try:
            return await self.issuer.refresh(session.refresh_token)
        except GrantRefused:
            await self._end()

    async def _end(self) -> NoReturn:
        self._held = None
        try:
            await asyncio.to_thread(self.store.delete, SESSION)
        except TokenStoreError:
            log.warning("the token store could not be cleared")
        log.info("the issuer ended the session")
        self.on_ended()
        raise SignedOut

    async def _load(self) -> StoredSession:
        try:
            if self._unsaved is not None:
                await self._write(self._unsaved)
            text = await asyncio.to_thread(self.store.load, SESSION)
        except TokenStoreError:
            log.warning("the token store cannot be read")
            raise Unreachable(offline=False) from None
        session = StoredSession.from_text(text) if text is not None else None
        if session is None or session.sub != self.sub or session.issuer != self.issuer.name:
            raise SignedOut
        return session

    async def _save(self, session: StoredSession) -> None:
        self._unsaved = session
        try:
            await self._write(session)
        except TokenStoreError:
            # The new one must not be used before it is stored: the next renewal begins with that.
            log.warning("the token store cannot be written")

    async def _write(self, session: StoredSession) -> None:
        await asyncio.to_thread(self.store.save, SESSION, session.to_text())
        self._unsaved = None

    async def _identify(self, grant: Grant) -> Identity | None:
        try:
            return await self.issuer.identify(grant, sub=self.sub)
        except Unreachable:
            return None  # the keys are out of reach; what is known of the person stays
        except BadIdToken as error:
            log.warning("an ID token was not taken: %s", error)
            return None

    def _hold(self, grant: Grant) -> _HeldToken:
        now = self.clock.now()
        lifetime = timedelta(seconds=grant.lifetime)
        return _HeldToken(
            token=grant.access_token,
            expires_at=now + lifetime,
            renew_at=now + lifetime - min(RENEW_BEFORE, lifetime / 10),
        )
