"""The stored state of the stand-in: keys, sign-ins, refresh tokens, roles."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import msgspec

from dev.issuer.keys import KeyRing
from dev.sample_data import APPS, MACHINES, Role


class Session(msgspec.Struct):
    """A browser that is signed in."""

    person: str
    auth_time: int
    mfa_at: int | None = None
    """When a second factor was used, as Unix time."""


class Family(msgspec.Struct):
    """All refresh tokens that come from one sign-in; only the newest is good."""

    client_id: str
    person: str
    requested: list[str]
    auth_time: int
    started_at: int
    used_at: int
    newest: str
    mfa_at: int | None = None


class State(msgspec.Struct):
    """Everything that survives a restart."""

    keys: KeyRing
    sessions: dict[str, Session] = {}
    families: dict[str, Family] = {}
    roles: dict[str, list[Role]] = {}


class Store:
    """The state and its file, which is written before anything that rests on it is said."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists():
            self.state = msgspec.json.decode(path.read_bytes(), type=State)
        else:
            self.state = State(KeyRing.generate())
            self.save()

    def save(self) -> None:
        """Write the state to its file."""
        write_private(self._path, msgspec.json.encode(self.state))


def digest(secret: str) -> str:
    """The SHA-256 of a secret: only that is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def machine_secrets(path: Path) -> dict[str, str]:
    """The secret of each confidential client by its client id, made when there is none."""
    clients = [machine.client_id for machine in MACHINES]
    clients += [app.client_id for app in APPS if app.is_confidential]
    known: dict[str, str] = {}
    if path.exists():
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    missing = [client_id for client_id in clients if client_id not in known]
    if missing:
        known |= {client_id: secrets.token_urlsafe(32) for client_id in missing}
        write_private(path, msgspec.json.format(msgspec.json.encode(known)))
    return known


def write_private(path: Path, content: bytes) -> None:
    """Replace a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    unfinished.replace(path)
