"""Verification of ID tokens (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from libs.auth import JwksKeys, KeysUnavailable

LEEWAY_SECONDS = 60


class InvalidIdToken(Exception):
    """The ID token is not one of this issuer for this client and this sign-in."""


async def verify_id_token(
    token: str, keys: JwksKeys, *, issuer: str, client_id: str, nonce: str
) -> Mapping[str, Any]:
    """The claims. Raises `InvalidIdToken`."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = await keys.find(kid) if isinstance(kid, str) else None
        if key is None:
            raise InvalidIdToken("The ID token is signed with an unknown key.")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
        )
    except (jwt.InvalidTokenError, KeysUnavailable) as error:
        raise InvalidIdToken("The ID token cannot be verified.") from error
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise InvalidIdToken("The ID token belongs to another sign-in.")
    if isinstance(claims["aud"], list) and claims.get("azp") != client_id:
        raise InvalidIdToken("The ID token was issued to another client.")
    return claims
