"""The token store: the keyring of the desktop or the Android Keystore."""

from __future__ import annotations

import base64
import json
import logging
import os
from pathlib import Path
from typing import Any, Protocol

from mobile.core.tokens import TokenStore, TokenStoreError

log = logging.getLogger(__name__)

SERVICE = "com.exampleco.timesheets"
# After these no retry helps (as Auth0.Android treats them).
KEY_LOST = frozenset(
    {
        "android.security.keystore.KeyPermanentlyInvalidatedException",
        "java.security.InvalidKeyException",
        "java.security.UnrecoverableKeyException",
        "javax.crypto.AEADBadTagException",
        "javax.crypto.BadPaddingException",
    }
)
AGREED = "plain-file-agreed"


class Keyring(Protocol):
    """The part of the `keyring` package that is used."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return the password, or None."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store the password; an earlier one is replaced."""

    def delete_password(self, service: str, username: str) -> None:
        """Delete the password. Raises `PasswordDeleteError` if there is none."""


class KeyringStore:
    """The keyring of the desktop, and nothing in its place unless the person agrees."""

    def __init__(self, keyring: Keyring | None, folder: Path) -> None:
        self._keyring = keyring
        self._file = FileStore(folder / "tokens.json")
        self._agreed = folder / AGREED

    @property
    def needs_consent(self) -> bool:
        """Whether there is no keyring, so that only a plain file is left."""
        return self._keyring is None and not self._agreed.exists()

    def agree(self) -> None:
        """The person accepts that anyone with access to their files can act in their name."""
        self._agreed.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._agreed.touch(mode=0o600)

    def load(self, name: str) -> str | None:
        """The secret under the name, or None. Raises `TokenStoreError`."""
        if self._keyring is None:
            return self._plain().load(name)
        try:
            return self._keyring.get_password(SERVICE, name)
        except Exception as error:
            raise TokenStoreError from error

    def save(self, name: str, secret: str) -> None:
        """Keep a secret. Raises `TokenStoreError`."""
        if self._keyring is None:
            self._plain().save(name, secret)
            return
        try:
            self._keyring.set_password(SERVICE, name, secret)
        except Exception as error:
            raise TokenStoreError from error

    def delete(self, name: str) -> None:
        """Forget a secret. Raises `TokenStoreError`."""
        if self._keyring is None:
            self._plain().delete(name)
            return
        try:
            if self._keyring.get_password(SERVICE, name) is not None:
                self._keyring.delete_password(SERVICE, name)
        except Exception as error:
            raise TokenStoreError from error

    def _plain(self) -> FileStore:
        if self.needs_consent:
            raise TokenStoreError
        return self._file


class FileStore:
    """A file that only its owner may read; replaced as a whole, so a kill leaves old or new."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, name: str) -> str | None:
        """The secret under the name, or None."""
        return self._read().get(name)

    def save(self, name: str, secret: str) -> None:
        """Keep a secret."""
        self._write({**self._read(), name: secret})

    def delete(self, name: str) -> None:
        """Forget a secret."""
        kept = self._read()
        if kept.pop(name, None) is not None:
            self._write(kept)

    def clear(self) -> None:
        """Forget all secrets."""
        self._write({})

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise TokenStoreError from error
        return found if isinstance(found, dict) else {}

    def _write(self, secrets: dict[str, str]) -> None:
        new = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(secrets, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise TokenStoreError from error


class AndroidStore:
    """AES-GCM under a key that never leaves the Android Keystore; files hold ciphertext alone.

    The folder is the one that Android leaves out of backups: the key would not be there anyway.
    """

    ALIAS, TRANSFORMATION, TAG_BITS = "timesheets-tokens", "AES/GCM/NoPadding", 128

    def __init__(self, autoclass: Any, folder: Path) -> None:
        self._autoclass = autoclass
        self._file = FileStore(folder / "tokens.json")

    def load(self, name: str) -> str | None:
        """The secret under the name; None if it is missing or its key is gone."""
        sealed = self._file.load(name)
        if sealed is None:
            return None
        iv, _, ciphertext = sealed.partition(".")
        try:
            spec = self._autoclass("javax.crypto.spec.GCMParameterSpec")
            cipher = self._autoclass("javax.crypto.Cipher").getInstance(self.TRANSFORMATION)
            cipher.init(2, self._key(), spec(self.TAG_BITS, base64.b64decode(iv)))
            return bytes(cipher.doFinal(base64.b64decode(ciphertext))).decode()
        except Exception as error:  # any exception of Java
            if getattr(error, "classname", "") in KEY_LOST:
                self._start_over()
                return None
            raise TokenStoreError from error

    def _start_over(self) -> None:
        """The key is gone for good, and the ciphertext with it: the person signs in again."""
        log.warning("the key of the token store was lost")
        store = self._autoclass("java.security.KeyStore").getInstance("AndroidKeyStore")
        store.load(None)
        store.deleteEntry(self.ALIAS)
        self._file.clear()

    def save(self, name: str, secret: str) -> None:
        """Keep a secret, sealed by a key that never leaves the key store."""
        try:
            cipher = self._autoclass("javax.crypto.Cipher").getInstance(self.TRANSFORMATION)
            cipher.init(1, self._key())
            ciphertext = bytes(cipher.doFinal(secret.encode()))
            iv = bytes(cipher.getIV())
        except Exception as error:  # any exception of Java
            raise TokenStoreError from error
        parts = (base64.b64encode(iv).decode(), base64.b64encode(ciphertext).decode())
        self._file.save(name, ".".join(parts))

    def delete(self, name: str) -> None:
        """Forget a secret."""
        self._file.delete(name)

    def _key(self) -> Any:
        store = self._autoclass("java.security.KeyStore").getInstance("AndroidKeyStore")
        store.load(None)
        if not store.containsAlias(self.ALIAS):
            self._make_key()
        return store.getKey(self.ALIAS, None)

    def _make_key(self) -> None:
        builder = self._autoclass("android.security.keystore.KeyGenParameterSpec$Builder")
        generator = self._autoclass("javax.crypto.KeyGenerator")
        made = generator.getInstance("AES", "AndroidKeyStore")
        spec = builder(self.ALIAS, 3)  # to encrypt and to decrypt
        spec.setBlockModes(["GCM"])
        spec.setEncryptionPaddings(["NoPadding"])
        spec.setKeySize(256)
        made.init(spec.build())
        made.generateKey()


def make_token_store(platform: str, folder: Path) -> TokenStore:
    """`platform` as kivy.utils names it."""
    if platform == "android":
        from jnius import autoclass

        activity = autoclass("org.kivy.android.PythonActivity").mActivity
        no_backup = Path(activity.getNoBackupFilesDir().getAbsolutePath())
        return AndroidStore(autoclass, no_backup)
    return KeyringStore(_find_keyring(), folder)


def _find_keyring() -> Keyring | None:
    """The desktop's keyring, None if there is none that keeps secrets."""
    import keyring
    from keyring.backends import chainer, fail, null

    found = keyring.get_keyring()
    chained = getattr(found, "backends", None)
    if isinstance(found, chainer.ChainerBackend) and not chained:
        return None
    unfit = isinstance(found, fail.Keyring | null.Keyring)
    return None if unfit or "alt" in type(found).__module__.split(".") else found
