"""The settings that every service has (design section 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from libs.auth import AuthSettings
from libs.postgres.settings import DatabaseSettings
from libs.web.settings import Environment, WebSettings


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    web: WebSettings
    auth: AuthSettings
    database: DatabaseSettings

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises `SettingsError` with every mistake."""
        env = Environment(environ)
        settings = cls(
            web=WebSettings.read(env),
            auth=AuthSettings.read(env),
            database=DatabaseSettings.read(env),
        )
        env.check()
        return settings

    def described(self) -> dict[str, object]:
        """What the start log tells: what is connected to what, without a secret."""
        return {
            "port": self.web.port,
            "admin_port": self.web.admin_port,
            "issuer": self.auth.issuer,
            "audience": self.auth.audience,
            "database": self.database.described(),
            "rate_limit": self.web.rate_limit,
        }
