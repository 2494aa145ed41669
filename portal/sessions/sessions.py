"""The life of a session: begin, load, renew, end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import structlog
from aiohttp import web

from libs.postgres.pool import Database
from libs.web.problems import ServiceUnavailable
from portal.sessions import store
from portal.sessions.cipher import Cipher, Unsealable
from portal.sessions.model import (
    PendingSignIn,
    Profile,
    Session,
    Tokens,
    digest,
    new_secret,
)

SIGN_IN_LIFETIME = timedelta(minutes=15)
# used_at is written at most this often.
TOUCH_INTERVAL = timedelta(minutes=1)
# Access tokens are renewed this long before they expire.
RENEWAL_MARGIN = timedelta(seconds=60)

CLEANING_INTERVAL = timedelta(minutes=10)

log = structlog.get_logger(__name__)

Renew = Callable[[Tokens], Awaitable[Tokens]]


class SignInRequired(Exception):
    """There is no usable session any more."""


class _Sealed(msgspec.Struct):
    """The encrypted part of a session."""

    tokens: Tokens
    profile: Profile


@dataclass(slots=True)
class Sessions:
    """Times are aware datetimes; `idle` and `absolute` are the lifetimes of a session."""

    database: Database
    cipher: Cipher
    idle: timedelta
    absolute: timedelta
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _renewals: dict[bytes, asyncio.Task[Session]] = field(default_factory=dict)

    async def begin(self, tokens: Tokens, profile: Profile) -> Session:
        """A new session with a new secret: a secret known before the sign-in is never reused."""
        now = self.clock()
        session = Session(new_secret(), tokens, profile, created_at=now, used_at=now)
        sealed = self._seal(session)

        async def insert(connection: asyncpg.Connection) -> None:
            await store.delete_expired(connection, now)
            await connection.execute(
                store.INSERT,
                session.id,
                profile.person,
                sealed,
                tokens.expires_at,
                now,
                now + self.absolute,
            )

        await self.database.transact(insert)
        return session

    async def load(self, secret: str) -> Session | None:
        """The session of a cookie, unless it has ended, expired or idled too long."""
        now, session_id = self.clock(), digest(secret)
        async with self.database.connection() as connection:
            row = await connection.fetchrow(store.READ, session_id, now, now - self.idle)
            session = self._open(secret, row)
            if session is not None and now - session.used_at >= TOUCH_INTERVAL:
                await connection.execute(store.TOUCH, session_id, now)
        return session

    async def renewed(self, session: Session, renew: Renew) -> Session:
        """The session with an access token that is good for a while.

        Raises `SignInRequired` if the issuer has ended the sign-in. Requests of one browser that
        arrive together share one renewal here, and the row lock serialises replicas.
        """
        if session.tokens.expires_at - self.clock() > RENEWAL_MARGIN:
            return session
        return await self.force_renewal(session, renew)

    async def force_renewal(self, session: Session, renew: Renew) -> Session:
        """Renew the tokens even though the access token has not expired by our clock."""
        task = self._renewals.get(session.id)
        if task is None:
            task = asyncio.create_task(self._renew(session, renew))
            self._renewals[session.id] = task
            task.add_done_callback(lambda _done: self._renewals.pop(session.id, None))
        # A client that hangs up must not cancel the renewal of the others.
        return await asyncio.shield(task)

    async def _renew(self, session: Session, renew: Renew) -> Session:
        async def work(connection: asyncpg.Connection) -> Session | None:
            now = self.clock()
            row = await connection.fetchrow(store.LOCK, session.id, now, now - self.idle)
            present = self._open(session.secret, row)
            if present is None:
                return None
            if present.tokens.access_token != session.tokens.access_token:
                return present  # another replica renewed it while we waited for the lock
            tokens = await renew(present.tokens)
            present = msgspec.structs.replace(present, tokens=tokens)
            await connection.execute(
                store.RESEAL, session.id, self._seal(present), tokens.expires_at
            )
            return present

        try:
            renewed = await self.database.transact(work)
        except SignInRequired:
            await self.end(session)
            raise
        if renewed is None:
            raise SignInRequired
        return renewed

    async def save_profile(self, session: Session, profile: Profile) -> None:
        """Replace what pages show of the person, keeping the newest tokens."""

        async def work(connection: asyncpg.Connection) -> None:
            now = self.clock()
            row = await connection.fetchrow(store.LOCK, session.id, now, now - self.idle)
            present = self._open(session.secret, row)
            if present is not None:
                present = msgspec.structs.replace(present, profile=profile)
                await connection.execute(
                    store.RESEAL, session.id, self._seal(present), present.tokens.expires_at
                )

        await self.database.transact(work)

    async def end(self, session: Session) -> None:
        """Delete the session, so that its cookie opens nothing."""

        async def delete(connection: asyncpg.Connection) -> None:
            await connection.execute(store.DELETE, session.id)

        await self.database.transact(delete)

    async def delete_expired_regularly(self) -> None:
        """Until cancelled: sign-ins that nobody finished would fill the table."""
        while True:
            await asyncio.sleep(CLEANING_INTERVAL.total_seconds())
            try:
                async with self.database.connection() as connection:
                    await store.delete_expired(connection, self.clock())
            except ServiceUnavailable as error:
                log.info("expired sessions are not deleted yet", error=repr(error))

    async def remember_sign_in(self, pending: PendingSignIn) -> str:
        """Store a pending sign-in and return its `state`."""
        state, now = new_secret(), self.clock()
        sealed = self.cipher.seal(msgspec.json.encode(pending), digest(state))

        async def insert(connection: asyncpg.Connection) -> None:
            await connection.execute(
                store.INSERT_SIGN_IN, digest(state), sealed, now + SIGN_IN_LIFETIME
            )

        await self.database.transact(insert)
        return state

    async def take_sign_in(self, state: str) -> PendingSignIn | None:
        """The pending sign-in of a `state`, once."""
        key, now = digest(state), self.clock()

        async def take(connection: asyncpg.Connection) -> bytes | None:
            return await store.take_sign_in(connection, key, now)

        sealed = await self.database.transact(take)
        if sealed is None:
            return None
        try:
            return msgspec.json.decode(self.cipher.open(sealed, key), type=PendingSignIn)
        except Unsealable:
            return None

    def _seal(self, session: Session) -> bytes:
        plain = msgspec.json.encode(_Sealed(session.tokens, session.profile))
        return self.cipher.seal(plain, session.id)

    def _open(self, secret: str, row: asyncpg.Record | None) -> Session | None:
        if row is None:
            return None
        try:
            plain = self.cipher.open(row["sealed"], digest(secret))
        except Unsealable:
            return None
        sealed = msgspec.json.decode(plain, type=_Sealed)
        return Session(secret, sealed.tokens, sealed.profile, row["created_at"], row["used_at"])


SESSIONS = web.AppKey("SESSIONS", Sessions)
