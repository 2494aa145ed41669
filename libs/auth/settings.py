"""Whom to trust, and who we are."""

from dataclasses import dataclass, field
from typing import Protocol, Self


class Environment(Protocol):
    """Where settings are read from. It collects what is missing or wrong instead of raising."""

    def text(self, name: str) -> str: ...

    def secret(self, name: str) -> str: ...

    def url(self, name: str, default: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """`issuer` is compared to the letter, its last slash too.

    Without `jwks_url` the issuer's discovery document tells where its keys are.
    """

    issuer: str
    audience: str
    jwks_url: str | None

    @classmethod
    def read(cls, env: Environment) -> Self:
        return cls(
            issuer=env.url("AUTH_ISSUER"),
            audience=env.text("AUTH_AUDIENCE"),
            jwks_url=env.url("AUTH_JWKS_URL", default="") or None,
        )


@dataclass(frozen=True, slots=True)
class MachineSettings:
    client_id: str
    client_secret: str = field(repr=False)
    token_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        return cls(
            client_id=env.text("M2M_CLIENT_ID"),
            client_secret=env.secret("M2M_CLIENT_SECRET"),
            token_url=env.url("M2M_TOKEN_URL"),
        )
