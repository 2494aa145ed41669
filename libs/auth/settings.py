"""The trusted issuer, and the credentials of this machine."""

from dataclasses import dataclass, field
from typing import Protocol, Self


class Environment(Protocol):
    """Reads settings and collects what is missing or wrong instead of raising."""

    def text(self, name: str) -> str:
        """Read a text that must not be empty."""

    def secret(self, name: str) -> str:
        """Read a secret, whose value no message shows."""

    def url(self, name: str, default: str | None = None) -> str:
        """Read an absolute URL."""

    def refuse(self, mistake: str) -> None:
        """Add a mistake to those that are reported at the end."""

    def seconds_or_off(self, name: str, default: float, maximum: float) -> float | None:
        """Read a number of seconds up to `maximum`; `off` is None."""


DEFAULT_STEP_UP_MAX_AGE = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """`issuer` is compared byte for byte, its trailing slash included.

    Without `jwks_url` the keys are found by the issuer's discovery document. `step_up_max_age` is
    how old a second factor may be, in seconds; None switches step-up off.
    """

    issuer: str
    audience: str
    jwks_url: str | None
    step_up_max_age: float | None = DEFAULT_STEP_UP_MAX_AGE

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL and STEP_UP_MAX_AGE."""
        issuer = env.url("AUTH_ISSUER")
        if issuer and not issuer.endswith("/"):
            env.refuse(
                "AUTH_ISSUER does not end with a slash, as the issuer of Auth0's tokens does"
            )
        return cls(
            issuer=issuer,
            audience=env.text("AUTH_AUDIENCE"),
            jwks_url=env.url("AUTH_JWKS_URL", default="") or None,
            step_up_max_age=env.seconds_or_off(
                "STEP_UP_MAX_AGE", DEFAULT_STEP_UP_MAX_AGE, maximum=30 * 24 * 3600
            ),
        )


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """The credentials by which a service gets its own tokens (RFC 6749 4.4)."""

    client_id: str
    client_secret: str = field(repr=False)
    token_url: str

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read M2M_CLIENT_ID, M2M_CLIENT_SECRET and M2M_TOKEN_URL."""
        return cls(
            client_id=env.text("M2M_CLIENT_ID"),
            client_secret=env.secret("M2M_CLIENT_SECRET"),
            token_url=env.url("M2M_TOKEN_URL"),
        )
