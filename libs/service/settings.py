"""The settings that every service has (design section 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from libs.auth import AuthSettings, MachineSettings
from libs.feed.following import Source
from libs.postgres.settings import DatabaseSettings
from libs.web.settings import Environment, WebSettings

# Under which prefix of /v1 each service publishes.
FEED_PREFIXES = {"entries": "entries", "approvals": "approvals", "profile": "people"}


@dataclass(frozen=True, slots=True)
class Following:
    """The feeds that are followed, and the client that reads them."""

    machine: MachineSettings
    sources: tuple[Source, ...]

    @classmethod
    def read(cls, env: Environment, follows: Sequence[str]) -> Self:
        """Read the machine's credentials and the address of each feed in `follows`."""
        return cls(
            machine=MachineSettings.read(env),
            sources=tuple(
                Source(
                    name,
                    f"{env.url(f'{name.upper()}_URL').rstrip('/')}/v1/{FEED_PREFIXES[name]}/feed",
                )
                for name in follows
            ),
        )


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Everything a service is configured by."""

    web: WebSettings
    auth: AuthSettings
    database: DatabaseSettings
    following: Following | None
    docs_client_id: str = ""
    """The application that the API pages sign in as; empty: typed in on the page."""
    full_feed_clients: tuple[str, ...] = ()
    """The client ids of the services that follow this one; others read events without notes."""

    @classmethod
    def read(cls, environ: Mapping[str, str], name: str, follows: Sequence[str] = ()) -> Self:
        """The settings of the service `name`; raises `SettingsError` with every mistake."""
        env = Environment(environ)
        settings = cls(
            web=WebSettings.read(env),
            auth=AuthSettings.read(env),
            database=DatabaseSettings.read(env, name),
            following=Following.read(env, follows) if follows else None,
            docs_client_id=env.text("DOCS_CLIENT_ID", default=""),
            full_feed_clients=env.words("FULL_FEED_CLIENTS"),
        )
        env.check()
        return settings

    def described(self) -> dict[str, object]:
        """The settings for the start log: what is connected to what, without a secret."""
        return {
            "port": self.web.port,
            "admin_port": self.web.admin_port,
            "issuer": self.auth.issuer,
            "audience": self.auth.audience,
            "database": self.database.described(),
            "event_loop": self.web.event_loop,
            "rate_limit": self.web.rate_limit,
            "follows": [source.url for source in self.following.sources] if self.following else [],
        }
