"""The ID token, verified as OpenID Connect Core 3.1.3.7 and 12.2 require."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

# A phone's clock is not a server's.
LEEWAY = 300
MAX_TOKEN_LENGTH = 16 * 1024
MIN_KEY_BITS = 2048

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class BadIdToken(Exception):
    """The reason names a claim, never its value."""

    @property
    def is_about_time(self) -> bool:
        """Whether the device's clock is the likely reason."""
        return str(self) in ("exp", "iat", "nbf")


class UnknownKey(BadIdToken):
    """The signing key is not in the given set; a newer set may contain it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The person as the profile screen shows them, offline too."""

    sub: str
    name: str | None = None
    email: str | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The claims to expect. `nonce` is None for an ID token that came with a renewal."""

    issuer: str
    client_id: str
    nonce: str | None = None
    sub: str | None = None
    access_token: str | None = None


def verify_id_token(
    token: str, keys: Sequence[Mapping[str, Any]], expected: Expected, now: float
) -> Identity:
    """Raises `BadIdToken`."""
    claims = _verified_claims(token, keys)
    for check in (_check_issuer, _check_audience, _check_nonce, _check_subject):
        check(claims, expected)
    _check_times(claims, now)
    _check_access_token_hash(claims, expected.access_token)
    return Identity(
        sub=claims["sub"],
        name=_text(claims, "name"),
        email=_text(claims, "email"),
        picture=_text(claims, "picture"),
    )


def _verified_claims(token: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if len(token) > MAX_TOKEN_LENGTH or _COMPACT.fullmatch(token) is None:
        raise BadIdToken("not a compact JWT")
    header = _part(token, 0)
    # The algorithm is ours to choose, whatever the token says (RFC 8725 section 3.1).
    if header.get("alg") != "RS256" or "crit" in header:
        raise BadIdToken("alg")
    key = _public_key(header.get("kid"), keys)
    try:
        jwt.api_jws.PyJWS().decode(token, key, algorithms=["RS256"])
    except jwt.InvalidTokenError as error:
        raise BadIdToken("signature") from error
    return _part(token, 1)


def _public_key(kid: object, keys: Sequence[Mapping[str, Any]]) -> Any:
    fitting = [
        key
        for key in keys
        if key.get("kid") == kid
        and key.get("kty") == "RSA"
        and key.get("use", "sig") == "sig"
        and key.get("alg", "RS256") == "RS256"
    ]
    if len(fitting) != 1:
        raise UnknownKey("kid")
    try:
        public = jwt.PyJWK(dict(fitting[0]), algorithm="RS256").key
    except jwt.PyJWTError as error:
        raise BadIdToken("key") from error
    if public.key_size < MIN_KEY_BITS:
        raise BadIdToken("key")
    return public


def _part(token: str, number: int) -> dict[str, Any]:
    raw = token.split(".")[number]
    try:
        decoded = json.loads(
            base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)),
            object_pairs_hook=_without_duplicates,
        )
    except ValueError as error:
        raise BadIdToken("JSON") from error
    if not isinstance(decoded, dict):
        raise BadIdToken("JSON")
    return decoded


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice")
    return found


def _check_issuer(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise BadIdToken("iss")


def _check_audience(claims: Mapping[str, Any], expected: Expected) -> None:
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or expected.client_id not in audiences:
        raise BadIdToken("aud")
    party = claims.get("azp")
    if (party is None and len(audiences) > 1) or party not in (None, expected.client_id):
        raise BadIdToken("azp")


def _check_nonce(claims: Mapping[str, Any], expected: Expected) -> None:
    # Without an expected one it is a renewal, whose nonce, if any, is that of the sign-in.
    if expected.nonce is not None and claims.get("nonce") != expected.nonce:
        raise BadIdToken("nonce")


def _check_subject(claims: Mapping[str, Any], expected: Expected) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not subject.isprintable():
        raise BadIdToken("sub")
    if expected.sub is not None and subject != expected.sub:
        raise BadIdToken("sub")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    if now > expires + LEEWAY:
        raise BadIdToken("exp")
    if issued > now + LEEWAY or issued > expires:
        raise BadIdToken("iat")
    if "nbf" in claims and _moment(claims, "nbf") > now + LEEWAY:
        raise BadIdToken("nbf")


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**40:
        raise BadIdToken(name)
    return value


def _check_access_token_hash(claims: Mapping[str, Any], access_token: str | None) -> None:
    if access_token is None or "at_hash" not in claims:
        return
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    if claims["at_hash"] != base64.urlsafe_b64encode(half).rstrip(b"=").decode():
        raise BadIdToken("at_hash")


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None
