"""ID tokens: taken only as OpenID Connect Core 3.1.3.7 says."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from mobile.core.identity import BadIdToken, Expected, Identity, verify_id_token
from tests.support.issuer import base64url, jwk, rsa_key, signed

ISSUER, CLIENT, NOW = "https://tenant.example/", "timesheets-app", 1_795_000_000.0
KEYS = [jwk(rsa_key(0), "one"), jwk(rsa_key(1), "two")]
EXPECTED = Expected(ISSUER, CLIENT, nonce="the-nonce", access_token="an-access-token")
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "auth0|erin",
    "nonce": "the-nonce",
    "iat": NOW - 1,
    "exp": NOW + 3600,
    "name": "Erin Employee",
    "email": "erin@exampleco.com",
}
HEADER: dict[str, Any] = {"alg": "RS256", "typ": "JWT", "kid": "one"}


def made(header: dict[str, Any] | None = None, **claims: Any) -> str:
    payload = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    head = {name: value for name, value in (HEADER | (header or {})).items() if value is not None}
    return signed(json.dumps(head).encode(), json.dumps(payload).encode(), rsa_key(0))


def at_hash(token: str) -> str:
    return base64url(hashlib.sha256(token.encode()).digest()[:16])


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"azp": CLIENT},
        {"iat": NOW - 400, "exp": NOW - 299},
        {"iat": NOW + 299},
        {"at_hash": at_hash("an-access-token")},
        {"new": {"claim": 1}},
    ],
)
def test_a_valid_token_gives_the_identity(claims: dict[str, Any]) -> None:
    identity = verify_id_token(made(**claims), KEYS, EXPECTED, NOW)

    assert identity == Identity("auth0|erin", "Erin Employee", "erin@exampleco.com", None)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://tenant.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": {CLIENT: 1}},
        {"aud": [CLIENT, "other"]},
        {"aud": [CLIENT, "other"], "azp": "other"},
        {"azp": "other"},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"sub": "a\x00b"},
        {"sub": "x" * 256},
        {"iat": NOW - 400, "exp": NOW - 301},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": 1e300},
        {"iat": NOW + 301},
        {"iat": None},
        {"nbf": NOW + 301},
        {"at_hash": at_hash("another")},
    ],
)
def test_a_token_that_says_something_else_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(BadIdToken):
        verify_id_token(made(**claims), KEYS, EXPECTED, NOW)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "PS256"},
        {"alg": None},
        {"kid": "two"},
        {"kid": "three"},
        {"kid": None},
        {"crit": ["exp"]},
    ],
)
def test_a_token_under_another_header_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(BadIdToken):
        verify_id_token(made(header), KEYS, EXPECTED, NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-4] + "AAAA",
        lambda token: token + "=",
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token.replace(".", "..", 1),
        lambda _token: "",
        lambda token: token + "." + token,
        lambda token: token + "A" * 20_000,
    ],
)
def test_what_is_no_signed_token_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(BadIdToken):
        verify_id_token(change(made()), KEYS, EXPECTED, NOW)


def test_a_claim_given_twice_is_refused() -> None:
    payload = json.dumps(CLAIMS)[:-1] + ', "sub": "auth0|maya"}'

    token = signed(json.dumps(HEADER).encode(), payload.encode(), rsa_key(0))

    with pytest.raises(BadIdToken):
        verify_id_token(token, KEYS, EXPECTED, NOW)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [jwk(rsa_key(1), "one")],
        [jwk(rsa_key(0), "one"), jwk(rsa_key(1), "one")],
        [jwk(rsa_key(0), "one", use="enc")],
        [jwk(rsa_key(0), "one", alg="RS512")],
        [{"kty": "oct", "kid": "one", "k": base64.urlsafe_b64encode(b"secret").decode()}],
    ],
)
def test_only_a_fitting_key_verifies(keys: list[dict[str, Any]]) -> None:
    with pytest.raises(BadIdToken):
        verify_id_token(made(), keys, EXPECTED, NOW)


def test_a_short_key_verifies_nothing() -> None:
    short = rsa_key(99, 1024)
    token = signed(json.dumps(HEADER).encode(), json.dumps(CLAIMS).encode(), short)

    with pytest.raises(BadIdToken):
        verify_id_token(token, [jwk(short, "one")], EXPECTED, NOW)


def test_a_renewed_token_is_of_the_same_person() -> None:
    renewed = Expected(ISSUER, CLIENT, sub="auth0|erin")

    assert verify_id_token(made(nonce=None), KEYS, renewed, NOW).sub == "auth0|erin"
    with pytest.raises(BadIdToken):
        verify_id_token(made(sub="auth0|maya"), KEYS, renewed, NOW)


def test_a_rejection_reveals_no_details() -> None:
    with pytest.raises(BadIdToken) as refused:
        verify_id_token(made(aud="other"), KEYS, EXPECTED, NOW)

    assert str(refused.value) == "aud"
