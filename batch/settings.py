"""Where to send to and as whom, from the environment; all mistakes told at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from batch.outcome import Misuse

AUDIENCE = "https://api.exampleco.com/timesheets"


class SettingsError(Misuse):
    """`mistakes` has a sentence for each variable; a value that may be secret is in none."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Settings:
    api_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    audience: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises `SettingsError`. A variable that is set to nothing counts as not set."""
        mistakes: list[str] = []
        allow_http = environ.get("BATCH_ALLOW_HTTP", "").strip().lower() in ("1", "true", "yes")

        def text(name: str, default: str = "") -> str:
            value = environ.get(name, "").strip() or default
            if not value:
                mistakes.append(f"{name} is not set")
            return value

        def url(name: str) -> str:
            value = text(name)
            if value and (mistake := _address_mistake(value, allow_http)):
                mistakes.append(f"{name} {mistake}")
            return value

        settings = cls(
            api_url=url("TIMESHEETS_URL").rstrip("/"),
            token_url=url("M2M_TOKEN_URL"),
            client_id=text("M2M_CLIENT_ID"),
            client_secret=text("M2M_CLIENT_SECRET"),
            audience=text("AUTH_AUDIENCE", AUDIENCE),
        )
        if mistakes:
            raise SettingsError(tuple(mistakes))
        return settings


def _address_mistake(value: str, allow_http: bool) -> str | None:
    """What is wrong with an address, without repeating it: it may hold a password."""
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("https", "http") or not host:
        return "is not an address that begins with https://"
    if parts.username or parts.password:
        return "must not hold a name or a password"
    if parts.scheme == "http" and not (allow_http or _is_this_machine(host)):
        # The secret and the token would cross the network in the clear.
        return "must begin with https:// (BATCH_ALLOW_HTTP=yes says that http is meant)"
    return None


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
