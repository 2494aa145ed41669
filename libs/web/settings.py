"""Settings from the environment: read once at start, all mistakes reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Self
from urllib.parse import urlsplit


class SettingsError(Exception):
    """The environment does not hold what the service needs.

    `mistakes` has a sentence for each variable that is missing or wrong; values that may be
    secret are never part of it.
    """

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class Environment:
    """Reads variables and collects what is wrong with them until `check` is called.

    A variable that is set to nothing counts as not set, as Kubernetes manifests and shells
    often leave it so.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._mistakes: list[str] = []

    def check(self) -> None:
        """Raise `SettingsError` with every mistake met so far."""
        if self._mistakes:
            raise SettingsError(tuple(self._mistakes))

    def refuse(self, mistake: str) -> None:
        """Note a mistake that only the reader of a variable can see."""
        self._mistakes.append(mistake)

    def text(self, name: str, default: str | None = None) -> str:
        """The text of a variable; without a default it is required."""
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            self._mistakes.append(f"{name} is not set")
        return default or ""

    def secret(self, name: str, default: str | None = None) -> str:
        """A text whose value no message repeats."""
        return self.text(name, default)

    def url(
        self, name: str, default: str | None = None, schemes: tuple[str, ...] = ("http", "https")
    ) -> str:
        """An address with one of the schemes and a host."""
        value = self.text(name, default)
        if not value or value == default:
            return value
        parts = urlsplit(value)
        if parts.scheme not in schemes or not parts.hostname:
            self._mistakes.append(f"{name} is not an address ({' or '.join(schemes)})")
        return value

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """A whole number from the minimum to the maximum."""
        value = self.text(name, str(default))
        if not value.lstrip("-").isdecimal() or not minimum <= int(value) <= maximum:
            self._mistakes.append(f"{name} is not a whole number from {minimum} to {maximum}")
            return default
        return int(value)

    def seconds(self, name: str, default: float, maximum: float) -> float:
        """A number of seconds from 0 to the maximum."""
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number <= maximum:
            self._mistakes.append(f"{name} is not a number of seconds from 0 to {maximum:g}")
            return default
        return number

    def seconds_or_off(self, name: str, default: float, maximum: float) -> float | None:
        """A number of seconds, or None for the word "off"."""
        if self.text(name, str(default)).lower() == "off":
            return None
        return self.seconds(name, default, maximum)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of the choices, in any case of letters."""
        value = self.text(name, default).lower()
        if value not in choices:
            self._mistakes.append(f"{name} is none of {', '.join(choices)}")
            return default
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """A list written with commas or spaces; none when not set."""
        return tuple(self._environ.get(name, "").replace(",", " ").split())

    def origins(self, name: str) -> tuple[str, ...]:
        """A list of origins (RFC 6454): scheme, host and port, and nothing after them."""
        origins = self.words(name)
        for origin in origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or f"{parts.scheme}://{parts.netloc}" != origin
            ):
                self._mistakes.append(f"{name}: {origin} is not like https://app.example.com")
        return origins

    def rate(self, name: str, default: int) -> int | None:
        """A whole number above zero, or None for the word "off"."""
        if self.text(name, str(default)).lower() == "off":
            return None
        return self.integer(name, default, 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The settings for listening, logging and stopping. Times are seconds."""

    host: str
    port: int
    admin_port: int
    log_format: str
    log_level: str
    event_loop: str
    cors_origins: tuple[str, ...]
    rate_limit: int | None
    shutdown_delay: float
    shutdown_timeout: float

    @classmethod
    def read(cls, env: Environment) -> Self:
        """From the variables that all services share; mistakes are noted in the environment."""
        port = env.integer("PORT", 8080, 0, 65535)
        admin_port = env.integer("ADMIN_PORT", 9090, 0, 65535)
        if port == admin_port != 0:
            env.refuse("PORT and ADMIN_PORT are the same")
        return cls(
            host=env.text("HOST", "0.0.0.0"),  # noqa: S104 - a container listens on its pod's address
            port=port,
            admin_port=admin_port,
            log_format=env.choice("LOG_FORMAT", "json", ("json", "console")),
            log_level=env.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
            event_loop=_read_event_loop(env),
            cors_origins=env.origins("CORS_ORIGINS"),
            rate_limit=env.rate("RATE_LIMIT", 100),
            shutdown_delay=env.seconds("SHUTDOWN_DELAY", 5.0, maximum=120),
            shutdown_timeout=env.seconds("SHUTDOWN_TIMEOUT", 20.0, maximum=600),
        )


def _read_event_loop(env: Environment) -> str:
    """`asyncio`, or `uvloop` where it is installed: there is none for Windows."""
    chosen = env.choice("EVENT_LOOP", "asyncio", ("asyncio", "uvloop"))
    if chosen == "uvloop" and find_spec("uvloop") is None:
        env.refuse("EVENT_LOOP is uvloop, which is not installed")
    return chosen
