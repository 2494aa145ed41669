"""Signing in by the system browser: Authorization Code with PKCE (RFC 8252, RFC 7636)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
from dataclasses import asdict, dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from mobile.core.clock import Clock
from mobile.core.identity import BadIdToken, Identity
from mobile.core.issuer import Grant, GrantRefused, Issuer
from mobile.core.network import StepUpRequired
from mobile.core.settings import REQUESTED_SCOPES, AppSettings
from mobile.core.tokens import SESSION, StoredSession, TokenStore

log = logging.getLogger(__name__)

PENDING = "pending"
# Long enough for somebody who looks for their second factor.
MAX_AGE = 3600.0


class SignInFailed(Exception):
    """`reason` is the key of a sentence: denied, expired, answer, identity or clock."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CallbackMismatch(Exception):
    """A callback that does not belong to the pending sign-in, which goes on."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that waits for the browser. The token store keeps it, so it survives a kill."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str
    started_at: float


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person who signed in, and their tokens."""

    identity: Identity
    grant: Grant


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636 section 4.2."""
    hashed = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode("ascii")


class SignIn:
    """Authorization Code with PKCE in the system's browser (RFC 8252)."""

    def __init__(
        self, issuer: Issuer, settings: AppSettings, store: TokenStore, clock: Clock
    ) -> None:
        self._issuer = issuer
        self._settings = settings
        self._store = store
        self._clock = clock

    async def begin(
        self,
        redirect_uri: str,
        login_hint: str | None = None,
        step_up: StepUpRequired | None = None,
    ) -> str:
        """The address to open in the browser. Raises `Unreachable` or `TokenStoreError`.

        With `step_up` the issuer asks for what the API demanded (RFC 9470 section 4).
        """
        endpoints = await self._issuer.endpoints()
        pending = Pending(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            started_at=self._clock.now().timestamp(),
        )
        await asyncio.to_thread(self._store.save, PENDING, json.dumps(asdict(pending)))
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": REQUESTED_SCOPES,
            "audience": self._settings.audience,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge_of(pending.verifier),
            "code_challenge_method": "S256",
        }
        if login_hint is not None:
            query["login_hint"] = login_hint
        if step_up is not None and step_up.acr_values is not None:
            query["acr_values"] = step_up.acr_values
        if step_up is not None and step_up.max_age is not None:
            query["max_age"] = str(step_up.max_age)
        return f"{endpoints.authorization}?{urlencode(query)}"

    async def pending(self) -> Pending | None:
        """The sign-in that still waits, if any; one that waited too long is forgotten."""
        text = await asyncio.to_thread(self._store.load, PENDING)
        if text is None:
            return None
        try:
            pending = Pending(**json.loads(text))
            age = self._clock.now().timestamp() - pending.started_at
        except (ValueError, TypeError):
            age = MAX_AGE
        if not -MAX_AGE < age < MAX_AGE:
            await self.cancel()
            return None
        return pending

    async def cancel(self) -> None:
        """Forget the sign-in that is under way."""
        await asyncio.to_thread(self._store.delete, PENDING)

    async def complete(self, callback: str) -> SignedIn:
        """Exchange the code in the callback address for tokens.

        Raises `CallbackMismatch`, `SignInFailed`, or `Unreachable`, after which the same callback
        can be used again.
        """
        pending = await self.pending()
        answer = _read_callback(callback, pending, self._issuer.name)
        if pending is None:
            raise SignInFailed("expired")
        code = answer.get("code")
        if code is None:
            await self.cancel()
            denied = answer.get("error") in ("access_denied", "login_required")
            raise SignInFailed("denied" if denied else "answer")
        # First, so that a code is not spent on tokens that cannot be checked.
        await self._issuer.read_keys()
        try:
            grant = await self._issuer.exchange_code(code, pending.verifier, pending.redirect_uri)
            identity = await self._issuer.identify(grant, nonce=pending.nonce)
        except GrantRefused:
            await self.cancel()
            raise SignInFailed("expired") from None
        except BadIdToken as error:
            log.warning("an ID token was not taken: %s", error)
            await self.cancel()
            raise SignInFailed("clock" if error.is_about_time else "identity") from None
        return await self._keep(grant, identity)

    async def _keep(self, grant: Grant, identity: Identity | None) -> SignedIn:
        if identity is None or grant.refresh_token is None:
            await self.cancel()
            raise SignInFailed("answer")
        session = StoredSession(self._issuer.name, identity.sub, grant.refresh_token)
        await asyncio.to_thread(self._store.save, SESSION, session.to_text())
        await self.cancel()
        return SignedIn(identity, grant)


def _read_callback(callback: str, pending: Pending | None, issuer: str) -> dict[str, str]:
    """The parameters of the answer; raises `CallbackMismatch`."""
    parts = urlsplit(callback)
    found = parse_qs(parts.query)
    answer = {name: values[0] for name, values in found.items() if len(values) == 1}
    if pending is None:
        return answer
    if callback.partition("?")[0] != pending.redirect_uri:
        raise CallbackMismatch
    if not hmac.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
        raise CallbackMismatch
    if answer.get("iss", issuer) != issuer:  # RFC 9207
        raise CallbackMismatch
    return answer
