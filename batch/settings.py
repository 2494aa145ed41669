"""Addresses and credentials from the environment. All errors are reported at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from batch.errors import InvalidInput

AUDIENCE = "https://api.exampleco.com/timesheets"


class SettingsError(InvalidInput):
    """`errors` has a sentence for each variable. Values may be secret and are not in it."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Settings:
    """The API to send to, and the client to send as."""

    api_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    audience: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises `SettingsError`. An empty variable counts as not set."""
        errors: list[str] = []
        allow_http = environ.get("BATCH_ALLOW_HTTP", "").strip().lower() in ("1", "true", "yes")

        def text(name: str, default: str = "") -> str:
            value = environ.get(name, "").strip() or default
            if not value:
                errors.append(f"{name} is not set")
            return value

        def url(name: str) -> str:
            value = text(name)
            if value and (error := _address_error(value, allow_http)):
                errors.append(f"{name} {error}")
            return value

        settings = cls(
            api_url=url("TIMESHEETS_URL").rstrip("/"),
            token_url=url("M2M_TOKEN_URL"),
            client_id=text("M2M_CLIENT_ID"),
            client_secret=text("M2M_CLIENT_SECRET"),
            audience=text("AUTH_AUDIENCE", AUDIENCE),
        )
        if errors:
            raise SettingsError(tuple(errors))
        return settings


def _address_error(value: str, allow_http: bool) -> str | None:
    """The error of an address, without repeating the address: it may contain a password."""
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("https", "http") or not host:
        return "is not an address that starts with https://"
    if parts.username or parts.password:
        return "must not contain a user name or a password"
    if parts.scheme == "http" and not (allow_http or _is_this_machine(host)):
        # The secret and the token would cross the network unencrypted.
        return "must start with https:// (set BATCH_ALLOW_HTTP=yes to allow http)"
    return None


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
