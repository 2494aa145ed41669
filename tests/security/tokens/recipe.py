"""Makes a bad token from a good one."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.issuer import Issuer, base64url, rsa_key, signed

Builder = Callable[[Issuer], str | bytes]


@dataclass(frozen=True, slots=True)
class BadToken:
    name: str
    build: Builder
    statuses: tuple[int, ...] = (401,)
    """400 where the HTTP parser refuses the header before anybody sees a token."""


def stranger() -> rsa.RSAPrivateKey:
    """A key of somebody else."""
    return rsa_key(99)


def unsigned(header: object, payload: object, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64url(part) for part in parts)


def parts(issuer: Issuer) -> list[str]:
    return issuer.token().split(".")


def joined(edit: Callable[[list[str]], list[str]]) -> Builder:
    """A good token with its three parts changed."""
    return lambda issuer: ".".join(edit(parts(issuer)))


def header_with(**members: object) -> Builder:
    """A header with these members under a genuine signature; None leaves one out."""
    return lambda issuer: issuer.token(headers=members)


def header_text(text: str) -> Builder:
    """This very header under a genuine signature; KID stands for the id of the key."""
    return lambda issuer: signed(
        text.replace("KID", issuer.kid).encode(), json.dumps(issuer.payload()).encode(), issuer.key
    )


def payload_bytes(payload: bytes) -> Builder:
    return lambda issuer: signed(json.dumps(issuer.header()).encode(), payload, issuer.key)


def payload_text(insert: str) -> Builder:
    """The claims of a good token with this text put in after the first brace."""

    def build(issuer: Issuer) -> str:
        claims = json.dumps(issuer.payload())
        payload = "{" + insert.replace("NOW", str(int(issuer.clock()))) + ", " + claims[1:]
        return signed(json.dumps(issuer.header()).encode(), payload.encode(), issuer.key)

    return build


def claims_with(**claims: object) -> Builder:
    """A good token with these claims in place of its own, null included."""
    return lambda issuer: issuer.sign(issuer.header(), issuer.payload() | claims)


def claims_at(**offsets: float) -> Builder:
    """Claims that are moments, in seconds from now."""
    return lambda issuer: issuer.sign(
        issuer.header(),
        issuer.payload() | {name: issuer.clock() + offset for name, offset in offsets.items()},
    )


def without(claim: str) -> Builder:
    return lambda issuer: issuer.token(**{claim: None})
