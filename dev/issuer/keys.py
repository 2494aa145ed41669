"""The signing keys and the key set (JWKS) that publishes them."""

import base64
import secrets
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class SigningKey:
    """An RSA key that signs tokens."""

    kid: str
    pem: str

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key of 2048 bits."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(secrets.token_urlsafe(16), pem.decode())

    @cached_property
    def private(self) -> rsa.RSAPrivateKey:
        """The key that signs. Raises `TypeError` if the text holds another kind of key."""
        key = load_pem_private_key(self.pem.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"key {self.kid} is not an RSA key")
        return key

    @cached_property
    def jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517)."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
        }


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key that signs now, the one that will, and the one that did.

    All are published, as Auth0 does, so that no token has an unpublished key.
    """

    current: SigningKey
    following: SigningKey
    previous: SigningKey | None = None

    @classmethod
    def generate(cls) -> "KeyRing":
        """A present and a next key."""
        return cls(SigningKey.generate(), SigningKey.generate())

    def rotated(self) -> "KeyRing":
        """The ring after a rotation: the next key signs, and the present one is still published."""
        return KeyRing(self.following, SigningKey.generate(), self.current)

    def published(self) -> list[SigningKey]:
        """The keys of the key set."""
        return [key for key in (self.current, self.following, self.previous) if key is not None]


def _base64url(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
