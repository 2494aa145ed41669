"""Checks the claims of a verified token one by one (RFC 7519 4.1, RFC 9068 4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Never

from libs.auth.errors import InvalidToken, Outcome
from libs.auth.principal import Principal
from libs.auth.scopes import granted_scopes

LEEWAY = 60
MAX_LIFETIME = 24 * 3600
MAX_TEXT = 255

_EMAIL = "https://api.exampleco.com/email"
_NAME = "https://api.exampleco.com/name"
_SECOND_FACTOR_AT = "https://api.exampleco.com/mfa_at"
_LAST_MOMENT = 253_402_300_799  # 9999-12-31T23:59:59Z

# ID tokens are for the client only; refuse them even if their audience is ours
# (OpenID Connect Core 2 and 3.1.3.6).
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})

_TEXT = frozenset({str})
_has_control = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search


@dataclass(frozen=True, slots=True)
class ClaimsPolicy:
    """The issuer and the audience that a token must name."""

    issuer: str
    audience: str

    def principal(self, claims: Mapping[str, Any], now: float) -> Principal:
        """The principal of the claims; `now` is a Unix time. Raises `InvalidToken`.

        Expiry is checked last, so that "expired" means that everything else was valid.
        """
        self._check_parties(claims)
        issued_at, expires_at = _check_times(claims, now)
        subject = _text(claims, "sub")
        client_id = _client_id(claims)
        is_machine = _is_machine(claims, subject, client_id)
        principal = Principal(
            subject=subject,
            scopes=granted_scopes(_scope(claims), _permissions(claims)),
            client_id=client_id,
            is_machine=is_machine,
            expires_at=expires_at,
            issued_at=issued_at,
            second_factor_at=_second_factor_at(claims, now),
            # For display and for the log only: a malformed one is dropped, not refused.
            email=_sane(claims, _EMAIL),
            name=_sane(claims, _NAME),
            token_id=_sane(claims, "jti"),
            actor=_actor(claims),
        )
        if has_expired(expires_at, now):
            raise InvalidToken(Outcome.EXPIRED, "exp is past")
        return principal

    def _check_parties(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != self.issuer:
            _refuse("iss is not our issuer")
        audience = claims.get("aud")
        audiences = audience if type(audience) is list else [audience]
        if self.audience not in audiences or not _are_texts(audiences):
            _refuse("aud is not ours")
        if not _ID_TOKEN_CLAIMS.isdisjoint(claims) or claims.get("token_use", "access") != "access":
            _refuse("an ID token")
        if "cnf" in claims:
            # RFC 7800 3.1: only the holder of a key may present it, never as a bearer token.
            _refuse("cnf binds the token to a key")


def has_expired(expires_at: int, now: float) -> bool:
    """Whether `exp` has passed, with LEEWAY for clocks that differ. Both are Unix times."""
    return now >= expires_at + LEEWAY


def _check_times(claims: Mapping[str, Any], now: float) -> tuple[int, int]:
    issued_at = _moment(claims, "iat")
    expires_at = _moment(claims, "exp")
    if expires_at - issued_at > MAX_LIFETIME:
        _refuse("lives too long")
    begins_at = max(issued_at, _moment(claims, "nbf")) if "nbf" in claims else issued_at
    if begins_at > now + LEEWAY:
        raise InvalidToken(Outcome.NOT_YET_VALID, "iat or nbf is yet to come")
    return int(issued_at), int(expires_at)


def _second_factor_at(claims: Mapping[str, Any], now: float) -> int | None:
    """The time of the second factor; None if absent, malformed or in the future."""
    value: int | float = claims.get(_SECOND_FACTOR_AT, -1)
    # As in _moment: bool is an int to isinstance, and NaN fails the comparison.
    if type(value) not in (int, float) or not 0 <= value <= now + LEEWAY:
        return None
    return int(value)


def _actor(claims: Mapping[str, Any]) -> str | None:
    actor = claims.get("act")
    return _sane(actor, "sub") if type(actor) is dict else None


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value: int | float = claims.get(name, -1)
    # bool is an int to isinstance; NaN and Infinity fail the comparison.
    if type(value) not in (int, float) or not 0 <= value <= _LAST_MOMENT:
        _refuse(f"{name} is not a moment")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = _sane(claims, name)
    if value is None:
        _refuse(f"{name} is no sane text")
    return value


def _sane(claims: Mapping[str, Any], name: str) -> str | None:
    """A text of some length that holds no control character, or None."""
    value = claims.get(name)
    if type(value) is not str or not 0 < len(value) <= MAX_TEXT:
        return None
    # The quick question first: what is printable holds no control character.
    return value if value.isprintable() or not _has_control(value) else None


def _client_id(claims: Mapping[str, Any]) -> str | None:
    """The client by Auth0's name for it, `azp`, or that of RFC 9068; both must say the same."""
    azp = _text(claims, "azp") if "azp" in claims else None
    client_id = _text(claims, "client_id") if "client_id" in claims else azp
    if azp not in (client_id, None):
        _refuse("azp and client_id differ")
    return client_id


def _is_machine(claims: Mapping[str, Any], subject: str, client_id: str | None) -> bool:
    """Not by the suffix of `sub` alone, which a tenant is free to give or not."""
    by_grant = claims.get("gty") == "client-credentials"
    if client_id is None:
        if by_grant:
            _refuse("a machine without a client id")
        return False
    return by_grant or subject in (client_id, f"{client_id}@clients")


def _scope(claims: Mapping[str, Any]) -> str:
    """RFC 6749 3.3: words of visible ASCII with spaces between."""
    value = claims.get("scope", "")
    if type(value) is not str or not value.isascii() or not value.isprintable():
        _refuse("scope is not a list of words")
    return value


def _permissions(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "permissions" not in claims:
        return None
    value = claims["permissions"]
    if type(value) is not list or not _are_texts(value):
        _refuse("permissions is not a list of texts")
    return tuple(value)


def _are_texts(values: list[Any]) -> bool:
    return _TEXT.issuperset(map(type, values))


def _refuse(reason: str) -> Never:
    raise InvalidToken(Outcome.BAD_CLAIMS, reason)
