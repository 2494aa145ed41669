"""A JWK set (RFC 7517), and which of its keys we trust to have signed a token."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from libs.auth.jws import ALGORITHM, MAX_KID, decode_base64url
from libs.auth.strict_json import InvalidDocument

KeySet = Mapping[str, RSAPublicKey]

MAX_KEYS = 32

_SIZES = range(2048, 8192 + 1)
# Odd and above 2^16 (FIPS 186-5 A.1.1); small enough that a verification stays cheap.
_EXPONENTS = range(65537, 2**32, 2)
# ROCA (CVE-2017-15361): weak moduli are powers of 65537 modulo each of these primes. Of sound ones
# one in 2^27 is so by chance.
_ROCA_PRIMES = tuple(
    number for number in range(3, 168, 2) if all(number % each for each in range(3, number, 2))
)
_ROCA_POWERS = {
    prime: frozenset(pow(65537, exponent, prime) for exponent in range(prime))
    for prime in _ROCA_PRIMES
}


def parse_key_set(document: Mapping[str, Any]) -> KeySet:
    """The keys to verify tokens with, by their id.

    A key that we do not take is passed over, so that a key of another kind beside ours does no
    harm; keys that share an id are all passed over, as nobody can tell which is meant. Raises
    `InvalidDocument` when none is left.
    """
    members = document.get("keys")
    if type(members) is not list or len(members) > MAX_KEYS:
        raise InvalidDocument(f"keys is not a list of at most {MAX_KEYS}")
    candidates = [member for member in members if type(member) is dict and _is_ours(member)]
    uses = Counter(member["kid"] for member in candidates)
    keys = {member["kid"]: _public_key(member) for member in candidates if uses[member["kid"]] == 1}
    usable = {kid: key for kid, key in keys.items() if key is not None}
    if not usable:
        raise InvalidDocument("no key that signs RS256")
    return usable


def _is_ours(member: Mapping[str, Any]) -> bool:
    kid = member.get("kid")
    return (
        member.get("kty") == "RSA"
        and type(kid) is str
        and 0 < len(kid) <= MAX_KID
        and member.get("use", "sig") == "sig"
        and member.get("alg", ALGORITHM) == ALGORITHM
        and _may_verify(member.get("key_ops", ["verify"]))
        # Every reader of this document could sign with such a key.
        and "d" not in member
    )


def _may_verify(operations: object) -> bool:
    return type(operations) is list and "verify" in operations


def _public_key(member: Mapping[str, Any]) -> RSAPublicKey | None:
    modulus, exponent = _number(member.get("n")), _number(member.get("e"))
    if modulus.bit_length() not in _SIZES or modulus % 2 == 0 or exponent not in _EXPONENTS:
        return None
    if _has_roca_fingerprint(modulus):
        return None
    return RSAPublicNumbers(exponent, modulus).public_key()


def _has_roca_fingerprint(modulus: int) -> bool:
    """Whether a faulty smart card made the key, so that its private part can be computed."""
    return all(modulus % prime in powers for prime, powers in _ROCA_POWERS.items())


def _number(value: object) -> int:
    """A Base64urlUInt (RFC 7518 2), or zero for anything else."""
    if type(value) is not str:
        return 0
    try:
        return int.from_bytes(decode_base64url(value.encode("ascii")), "big")
    except ValueError:
        return 0
