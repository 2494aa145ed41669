"""Encryption of what the session database holds: AES-256-GCM, with rotation of keys."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class Unsealable(Exception):
    """No key opens this: it was encrypted with a key that is gone, or was changed."""


class Cipher:
    """Encrypts with the first key, decrypts with any.

    `context` (the row's key) is authenticated too, so that a value cannot be moved to another row.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [AESGCM(key) for key in keys]

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt with the first key. Only `open` with the same context can read it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._keys[0].encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt with any of the keys. Raises `Unsealable`."""
        nonce, encrypted = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for key in self._keys:
            try:
                return key.decrypt(nonce, encrypted, context)
            except (InvalidTag, ValueError):  # ValueError: too short for a nonce
                continue
        raise Unsealable("no key opens this")
