import math

import pytest

from libs.auth.keyset import MAX_KEYS, parse_key_set
from libs.auth.strict_json import InvalidDocument
from tests.support.issuer import base64url, jwk, rsa_key


def number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def roca_modulus() -> int:
    """2048 bits, and a power of 65537 modulo each odd prime up to 167."""
    product = math.prod(n for n in range(3, 168, 2) if all(n % each for each in range(3, n, 2)))
    return 65537**3 + product * 2 * (2**2047 // (product * 2) + 1)


def good(kid: str = "good") -> dict[str, object]:
    return jwk(rsa_key(0), kid)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"kty": "EC"}, id="another kind"),
        pytest.param({"kty": None}, id="no kind"),
        pytest.param({"kty": "rsa"}, id="a kind in lower case"),
        pytest.param({"kty": "oct", "k": "AAAA"}, id="a secret"),
        pytest.param({"use": "enc"}, id="to encrypt with"),
        pytest.param({"use": ["sig"]}, id="use is a list"),
        pytest.param({"alg": "RS512"}, id="another algorithm"),
        pytest.param({"alg": "PS256"}, id="another padding"),
        pytest.param({"key_ops": ["sign"]}, id="to sign with"),
        pytest.param({"key_ops": "verify"}, id="operations are a text"),
        pytest.param({"d": "AQAB"}, id="a private key for all to see"),
        pytest.param({"n": number(2**2047 - 1)}, id="2047 bits"),
        pytest.param({"n": number(2**1023 + 1)}, id="1024 bits"),
        pytest.param({"n": number(2**8192 + 1)}, id="8193 bits"),
        pytest.param({"n": number(2**2047)}, id="an even modulus"),
        pytest.param({"n": number(roca_modulus())}, id="a modulus of ROCA"),
        pytest.param({"e": "AQ"}, id="exponent 1"),
        pytest.param({"e": "Aw"}, id="exponent 3"),
        pytest.param({"e": number(65538)}, id="an even exponent"),
        pytest.param({"e": number(2**33 + 1)}, id="an exponent too large to be quick"),
        pytest.param({"e": None}, id="no exponent"),
        pytest.param({"n": None}, id="no modulus"),
        pytest.param({"n": 123}, id="the modulus is a number"),
        pytest.param({"e": "AQAB=="}, id="padding"),
        pytest.param({"e": "AQ AB"}, id="a space"),
        pytest.param({"e": "éé"}, id="not ASCII"),
        pytest.param({"kid": ""}, id="an empty id"),
        pytest.param({"kid": None}, id="no id"),
        pytest.param({"kid": 7}, id="a number for an id"),
        pytest.param({"kid": "k" * 300}, id="a long id"),
    ],
)
def test_a_key_we_do_not_take_is_passed_over(members: dict[str, object]) -> None:
    bad = {name: value for name, value in (good("bad") | members).items() if value is not None}
    assert list(parse_key_set({"keys": [bad, good()]})) == ["good"]
    with pytest.raises(InvalidDocument):
        parse_key_set({"keys": [bad]})


@pytest.mark.parametrize("member", ["text", None, 1, ["good"]])
def test_what_is_not_a_key_at_all_is_passed_over(member: object) -> None:
    assert list(parse_key_set({"keys": [member, good()]})) == ["good"]


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({}, id="with use and alg"),
        pytest.param({"key_ops": ["verify"]}, id="with operations"),
        pytest.param({"x5c": ["MIIB"], "x5t": "AAAA", "something": "else"}, id="with more"),
    ],
)
def test_a_key_for_rs256_is_taken(members: dict[str, object]) -> None:
    assert list(parse_key_set({"keys": [good() | members]})) == ["good"]


@pytest.mark.parametrize("member", ["use", "alg"])
def test_a_key_need_not_say_what_it_is_for(member: str) -> None:
    key = {name: value for name, value in good().items() if name != member}
    assert list(parse_key_set({"keys": [key]})) == ["good"]


def test_a_longer_key_is_taken() -> None:
    assert list(parse_key_set({"keys": [jwk(rsa_key(0, 3072), "long")]})) == ["long"]


def test_keys_that_share_an_id_are_not_used() -> None:
    twins = [jwk(rsa_key(1), "twin"), jwk(rsa_key(2), "twin")]
    assert list(parse_key_set({"keys": [*twins, good()]})) == ["good"]
    with pytest.raises(InvalidDocument):
        parse_key_set({"keys": twins})


def test_the_same_key_twice_is_not_used_either() -> None:
    assert list(parse_key_set({"keys": [good("twin"), good("twin"), good()]})) == ["good"]


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": None}, {"keys": {"kty": "RSA"}}])
def test_a_set_without_keys_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(InvalidDocument):
        parse_key_set(document)


def test_a_set_of_very_many_keys_is_refused() -> None:
    keys = [good(str(kid)) for kid in range(MAX_KEYS + 1)]
    assert len(parse_key_set({"keys": keys[:-1]})) == MAX_KEYS
    with pytest.raises(InvalidDocument):
        parse_key_set({"keys": keys})
