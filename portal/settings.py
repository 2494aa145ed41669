"""The portal's settings (design section 8)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self
from urllib.parse import urlsplit

from libs.auth import AuthSettings
from libs.postgres.settings import DatabaseSettings
from libs.web.settings import Environment, WebSettings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Names of Kubernetes that lead nowhere but into the cluster.
CLUSTER_SUFFIXES = (".svc", ".svc.cluster.local")
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """`portal_url` and `api_url` have no trailing slash; the first session key encrypts."""

    web: WebSettings
    auth: AuthSettings
    database: DatabaseSettings
    portal_url: str
    api_url: str
    client_id: str
    client_secret: str = field(repr=False)
    session_keys: tuple[bytes, ...] = field(repr=False)
    idle_lifetime: timedelta = timedelta(hours=12)
    absolute_lifetime: timedelta = timedelta(days=7)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises `SettingsError` with every mistake."""
        env = Environment(environ)
        settings = cls(
            web=WebSettings.read(env),
            auth=AuthSettings.read(env),
            database=DatabaseSettings.read(env, "portal"),
            portal_url=_read_origin(env, "PORTAL_URL"),
            api_url=_read_origin(env, "API_URL", may_be_in_cluster=True),
            client_id=env.text("AUTH_CLIENT_ID"),
            client_secret=env.secret("AUTH_CLIENT_SECRET"),
            session_keys=_read_keys(env),
        )
        env.check()
        return settings

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the portal by https, so that cookies can be `__Host-` ones."""
        return self.portal_url.startswith("https://")

    def described(self) -> dict[str, object]:
        """The settings for the start log, without a secret."""
        return {
            "port": self.web.port,
            "admin_port": self.web.admin_port,
            "portal_url": self.portal_url,
            "api_url": self.api_url,
            "issuer": self.auth.issuer,
            "client_id": self.client_id,
            "database": self.database.described(),
            "session_keys": len(self.session_keys),
        }


def _read_origin(env: Environment, name: str, *, may_be_in_cluster: bool = False) -> str:
    address = env.url(name).rstrip("/")
    parts = urlsplit(address)
    if address and parts.path:
        env.refuse(f"{name} must have no path")
    host = parts.hostname or ""
    in_cluster = may_be_in_cluster and host.endswith(CLUSTER_SUFFIXES)
    if parts.scheme == "http" and host not in LOOPBACK and not in_cluster:
        env.refuse(f"{name} must be https; http is allowed on loopback only")
    return address


def _read_keys(env: Environment) -> tuple[bytes, ...]:
    keys: list[bytes] = []
    for number, text in enumerate(env.secret("SESSION_KEYS").split(","), start=1):
        key = _decode_key(text.strip())
        if text and key is None:
            env.refuse(f"SESSION_KEYS: key {number} is not 32 bytes in URL-safe base64")
        elif key is not None:
            keys.append(key)
    return tuple(keys)


def _decode_key(text: str) -> bytes | None:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None
