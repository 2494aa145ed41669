"""The compact form of a JWS (RFC 7515 3.1, 7.1), taken apart more strictly than parsers do."""

import binascii
from typing import Any, NamedTuple

from libs.auth.errors import InvalidToken, Outcome
from libs.auth.strict_json import parse_object

MAX_TOKEN = 8 * 1024
MAX_KID = 256

ALGORITHM = "RS256"
_TYPES = frozenset({"jwt", "at+jwt"})
# Keys and instructions that come with the token are the sender's wish, not ours (RFC 8725 3.10);
# zip, enc and cty belong to encrypted and nested tokens, b64 to unencoded payloads.
_REFUSED = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc", "cty"})

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_STANDARD = bytes(
    _STANDARD[_ALPHABET.index(byte)] if byte in _ALPHABET else ord("!") for byte in range(256)
)
# By how many characters are left over: the last ones that leave no bit behind (RFC 4648 3.5), and
# what fills the group up. One character left over cannot be.
_LAST = (_ALPHABET, b"", b"AQgw", b"AEIMQUYcgkosw048")
_PADDING = (b"", b"", b"==", b"=")


class CompactToken(NamedTuple):
    """The parts of a token that is not verified yet."""

    header: bytes
    """As it was sent; `read_key_id` looks into it."""
    payload: bytes
    signature: bytes
    signing_input: bytes


def parse_token(token: str) -> CompactToken:
    """Take a token apart. Raises `InvalidToken`."""
    if len(token) > MAX_TOKEN:
        raise _malformed(f"longer than {MAX_TOKEN} bytes")
    try:
        signing_input, _, signature = token.encode("ascii").rpartition(b".")
        # A dot too many is in the payload then, and not of its alphabet.
        header, _, payload = signing_input.partition(b".")
        return CompactToken(
            header, decode_base64url(payload), decode_base64url(signature), signing_input
        )
    except ValueError as error:
        raise _malformed(str(error)) from error


def read_key_id(header: bytes) -> str:
    """The `kid` of a header that is as we take it. Raises `InvalidToken`."""
    try:
        return _key_id(parse_object(decode_base64url(header)))
    except ValueError as error:
        raise _malformed(f"header: {error}") from error


def read_claims(payload: bytes) -> dict[str, Any]:
    """Raises `InvalidToken`."""
    try:
        return parse_object(payload)
    except ValueError as error:
        raise InvalidToken(Outcome.BAD_CLAIMS, f"payload: {error}") from error


def decode_base64url(text: bytes) -> bytes:
    """Decode the one spelling there is: no padding, no other alphabet, no stray bits, not empty.

    Raises `ValueError`.
    """
    remainder = len(text) % 4
    if not text or text[-1] not in _LAST[remainder]:
        raise ValueError("not canonical base64url")
    return binascii.a2b_base64(text.translate(_TO_STANDARD) + _PADDING[remainder], strict_mode=True)


def _key_id(header: dict[str, Any]) -> str:
    if header.get("alg") != ALGORITHM:
        raise _malformed("alg is not RS256")
    if not _REFUSED.isdisjoint(header):
        raise _malformed("the header holds what it must not")
    kind = header.get("typ")
    if type(kind) is not str or kind.lower().removeprefix("application/") not in _TYPES:
        raise _malformed("typ is neither JWT nor at+jwt")
    kid = header.get("kid")
    if type(kid) is not str or not 0 < len(kid) <= MAX_KID or not kid.isprintable():
        raise _malformed("kid is no sane text")
    return kid


def _malformed(reason: str) -> InvalidToken:
    return InvalidToken(Outcome.MALFORMED, reason)
