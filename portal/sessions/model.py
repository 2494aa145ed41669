"""The contents of a session."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

SECRET_BYTES = 32


class Tokens(msgspec.Struct, frozen=True):
    """The tokens of the issuer; they never leave the server."""

    access_token: str
    refresh_token: str | None
    id_token: str
    expires_at: datetime
    scopes: frozenset[str]


class Profile(msgspec.Struct, frozen=True):
    """The person's details that pages show without a call."""

    person: str
    name: str
    email: str
    locale: str
    time_zone: str


class Session(msgspec.Struct, frozen=True):
    """A signed-in browser. `secret` is the cookie's value."""

    secret: str
    tokens: Tokens
    profile: Profile
    created_at: datetime
    used_at: datetime

    @property
    def id(self) -> bytes:
        """The key of the session in the database; the cookie cannot be derived from it."""
        return digest(self.secret)

    @property
    def csrf_secret(self) -> bytes:
        """Computed from the cookie, so only its holder knows it."""
        return hashlib.sha256(b"csrf " + self.secret.encode()).digest()

    def may(self, *scopes: str) -> bool:
        """Whether the person holds any of the scopes."""
        return not self.tokens.scopes.isdisjoint(scopes)


class PendingSignIn(msgspec.Struct, frozen=True):
    """The state that is stored while the person is at the issuer.

    `form` is what they had typed when the API required them to sign in again.
    """

    browser: str
    verifier: str
    nonce: str
    return_to: str
    form: list[tuple[str, str]] | None = None
    form_action: str = ""


def new_secret() -> str:
    """A random text that cannot be guessed, for a cookie or a state."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """The SHA-256 of a secret, which is what the database stores."""
    return hashlib.sha256(secret.encode()).digest()


def masked_csrf_token(secret: bytes) -> str:
    """A token that differs on each page, so that compression reveals nothing of it (BREACH)."""
    mask = secrets.token_bytes(len(secret))
    masked = bytes(a ^ b for a, b in zip(mask, secret, strict=True))
    return base64.urlsafe_b64encode(mask + masked).decode()


def is_csrf_token(token: str, secret: bytes) -> bool:
    """Whether the token was made of this secret; compared in constant time."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        return False
    size = len(secret)
    if len(raw) != 2 * size:
        return False
    given = bytes(a ^ b for a, b in zip(raw[:size], raw[size:], strict=True))
    return secrets.compare_digest(given, secret)


def profile_from(claims: Mapping[str, Any], locale: str) -> Profile:
    """The profile that the claims of an ID token give, until the API's is read."""
    return Profile(
        person=str(claims["sub"]),
        name=str(claims.get("name") or claims.get("email") or claims["sub"]),
        email=str(claims.get("email") or ""),
        locale=locale,
        time_zone="",
    )
