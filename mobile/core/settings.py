"""The addresses of the servers and the client id of the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from mobile.core.rules import Scope

# Everything a person can hold: the tenant grants what is assigned.
OPENID_SCOPES = ("openid", "profile", "email", "offline_access")
REQUESTED_SCOPES = " ".join((*OPENID_SCOPES, *Scope))

PRIVATE_REDIRECT = "com.exampleco.timesheets://callback"
LOOPBACK_REDIRECT = "http://127.0.0.1:{port}/callback"
# Auth0 compares callbacks exactly, port included: these are registered in the tenant.
LOOPBACK_PORTS = (18271, 18272, 18273, 18274)


class SettingsError(Exception):
    """A line for each mistake."""


@dataclass(frozen=True, slots=True)
class AppSettings:
    """`issuer` ends in a slash, as Auth0's do; `api` does not."""

    api: str = "https://api.exampleco.com"
    issuer: str = "https://exampleco.eu.auth0.com/"
    audience: str = "https://api.exampleco.com/timesheets"
    client_id: str = "timesheets-app"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """TIMESHEETS_API, AUTH_ISSUER, AUTH_AUDIENCE and AUTH_CLIENT_ID, where they are set."""
        usual = cls()
        api = environ.get("TIMESHEETS_API", usual.api).rstrip("/")
        issuer = environ.get("AUTH_ISSUER", usual.issuer)
        mistakes = [
            f"{name} must be https, or http on this very machine: {address}"
            for name, address in (("TIMESHEETS_API", api), ("AUTH_ISSUER", issuer))
            if not is_safe(address)
        ]
        if mistakes:
            raise SettingsError("\n".join(mistakes))
        return cls(
            api=api,
            issuer=issuer,
            audience=environ.get("AUTH_AUDIENCE", usual.audience),
            client_id=environ.get("AUTH_CLIENT_ID", usual.client_id),
        )


def is_safe(address: str) -> bool:
    """A token never crosses a network in the clear."""
    loopback = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")
    return address.startswith(("https://", *loopback))
