"""The ports of the stack, from the environment. All mistakes are reported at once."""

import errno
import socket
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from dev.ports import HOST, free_ports

POLL = 0.05

# The variable, who listens there, and the port when the variable is not set.
PORTS = (
    ("GATEWAY_PORT", "the gateway", 8000),
    ("ISSUER_PORT", "the stand-in for Auth0", 8001),
    ("POSTGRES_PORT", "PostgreSQL", 8432),
    ("ENTRIES_PORT", "entries", 8081),
    ("APPROVALS_PORT", "approvals", 8082),
    ("PROFILE_PORT", "profile", 8083),
    ("PORTAL_PORT", "the portal", 8084),
    ("MAIL_PORT", "the page with the mail", 8025),
    ("SMTP_PORT", "the mail server", 8026),
    ("ENTRIES_ADMIN_PORT", "the metrics and probes of entries", 9081),
    ("APPROVALS_ADMIN_PORT", "the metrics and probes of approvals", 9082),
    ("PROFILE_ADMIN_PORT", "the metrics and probes of profile", 9083),
    ("PORTAL_ADMIN_PORT", "the metrics and probes of the portal", 9084),
)


class SettingsError(Exception):
    """A line for each port that cannot be had."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))


@dataclass(frozen=True, slots=True)
class Ports:
    """The port of each part of the stack."""

    numbers: Mapping[str, int]

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Zero means any free port."""
        numbers: dict[str, int] = {}
        mistakes: list[str] = []
        for variable, _who, default in PORTS:
            value = environ.get(variable, "").strip() or str(default)
            if value.isdecimal() and int(value) <= 65535:
                numbers[variable] = int(value)
            else:
                mistakes.append(f"{variable} is no port: {value}")
        used: dict[int, str] = {}
        for variable, number in numbers.items():
            if number and used.setdefault(number, variable) != variable:
                mistakes.append(f"{variable} and {used[number]} are both {number}")
        if mistakes:
            raise SettingsError(mistakes)
        return cls(_with_free_ports(numbers))

    def __getitem__(self, variable: str) -> int:
        return self.numbers[variable]

    def check_free(self, unused: Collection[str], grace_seconds: float) -> None:
        """SettingsError when a port, but for those unused, stays taken for so many seconds."""
        deadline = time.monotonic() + grace_seconds
        while mistakes := self._taken(unused):
            if time.monotonic() >= deadline:
                raise SettingsError(mistakes)
            time.sleep(POLL)

    def _taken(self, unused: Collection[str]) -> list[str]:
        return [
            f"Port {self.numbers[variable]}, for {who}, is taken: set {variable} to another."
            for variable, who, _default in PORTS
            if variable not in unused and not _is_free(self.numbers[variable])
        ]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do it: an old connection that has not died down yet is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return not _somebody_answers(port)


def _somebody_answers(port: int) -> bool:
    """On macOS two can bind one port, one to all addresses and one to this: ask."""
    with socket.socket() as probe, suppress(OSError):
        probe.settimeout(0.2)
        probe.connect((HOST, port))
        return bool(probe.getsockname() != probe.getpeername())
    return False


def _with_free_ports(numbers: Mapping[str, int]) -> dict[str, int]:
    automatic = [variable for variable, number in numbers.items() if number == 0]
    return dict(numbers) | dict(zip(automatic, free_ports(len(automatic)), strict=True))
