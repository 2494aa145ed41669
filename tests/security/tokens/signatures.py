"""Tokens whose signature is not one of the issuer's key over what they say."""

import base64
import json
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.security.tokens.recipe import BadToken, Builder, joined, parts, stranger
from tests.support.issuer import Issuer, base64url, jwk, rsa_key


def signatures() -> list[BadToken]:
    return [
        BadToken("the signature of another token", _swapped),
        BadToken("another payload under the signature", _promoted),
        BadToken("another header under the signature", joined(lambda p: [_plain(p[0]), *p[1:]])),
        BadToken("a signature of the payload alone", _of_the_payload_alone),
        BadToken("a stranger's key", lambda i: i.sign(i.header(), i.payload(), stranger())),
        BadToken("another key of the issuer's", _by_the_next_key),
        BadToken("a stranger's key, sent along", _with_its_own_key),
        BadToken("one bit changed", _changed(lambda s, _: bytes([s[0] ^ 1]) + s[1:])),
        BadToken("the last bit changed", _changed(lambda s, _: s[:-1] + bytes([s[-1] ^ 1]))),
        BadToken("a byte too few", _changed(lambda s, _: s[:-1])),
        BadToken("a byte too many", _changed(lambda s, _: s + b"\0")),
        BadToken("a nought before", _changed(lambda s, _: b"\0" + s)),
        BadToken("noughts", _changed(lambda s, _: bytes(len(s)))),
        BadToken("one", _changed(lambda s, _: bytes(len(s) - 1) + b"\1")),
        BadToken("the modulus", _changed(lambda _, n: n.to_bytes(256, "big"))),
        BadToken("the modulus less one", _changed(lambda _, n: (n - 1).to_bytes(256, "big"))),
        BadToken(
            "the modulus more",
            _changed(lambda s, n: (int.from_bytes(s, "big") + n).to_bytes(257, "big")),
        ),
    ]


def _plain(header: str) -> str:
    members = json.loads(base64.urlsafe_b64decode(header + "=="))
    return base64url(json.dumps(members | {"x": 1}).encode())


def _changed(change: Callable[[bytes, int], bytes]) -> Builder:
    """The genuine signature changed, given the modulus too."""

    def build(issuer: Issuer) -> str:
        head, _, tail = issuer.token().rpartition(".")
        genuine = base64.urlsafe_b64decode(tail + "==")
        modulus = issuer.key.public_key().public_numbers().n
        return f"{head}.{base64url(change(genuine, modulus))}"

    return build


def _swapped(issuer: Issuer) -> str:
    return ".".join([*parts(issuer)[:2], issuer.token("auth0|eve").split(".")[2]])


def _promoted(issuer: Issuer) -> str:
    payload = json.dumps(issuer.payload(scope="manage:timesheets")).encode()
    header, _, tail = parts(issuer)
    return f"{header}.{base64url(payload)}.{tail}"


def _of_the_payload_alone(issuer: Issuer) -> str:
    header, payload, _ = parts(issuer)
    signature = issuer.key.sign(payload.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{header}.{payload}.{base64url(signature)}"


def _by_the_next_key(issuer: Issuer) -> str:
    return issuer.sign(issuer.header(), issuer.payload(), rsa_key(1))


def _with_its_own_key(issuer: Issuer) -> str:
    embedded = jwk(stranger(), issuer.kid)
    return issuer.sign(issuer.header(jwk=embedded), issuer.payload(), stranger())
