"""The settings of the connections to the database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from libs.web.settings import Environment

MAX_PORT = 65535
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

# Stricter than asyncpg, which takes part of a password with a # or a / in it for a port and
# prints it in its error.
_HOST = r"(?:[\w.%-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?"
_PARAMETER = r"\w+=[^&#\s]*"
_address = re.compile(
    r"postgres(?:ql)?://"
    r"(?:(?P<user>[^:/?#\[\]@\s]+)(?::[^/?#\[\]@\s]*)?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r"/(?P<database>[^/?#\s]+)"
    rf"(?:\?{_PARAMETER}(?:&{_PARAMETER})*)?"
).fullmatch


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Times are seconds.

    The server ends a statement after `statement_timeout`. If there is no response after
    `command_timeout` either, the network is gone. A statement that may take longer sets both:
    `SET LOCAL statement_timeout` and asyncpg's argument `timeout`.
    """

    dsn: str = field(repr=False)
    pool_min: int = 2
    """The number of connections opened at the start; idle ones are closed after a minute."""
    pool_max: int = 10
    max_waiting: int = 2000
    """The number of requests of a share that may wait for a connection; the next gets a 503.
    It bounds the memory; time decides who is refused."""
    max_wait: float = 2.0
    """The seconds a request may wait for a connection; 0.3 while none is served within 0.1."""
    connect_timeout: float = 3.0
    start_timeout: float = 60.0
    statement_timeout: float = 10.0
    command_timeout: float = 15.0
    lock_timeout: float = 1.5
    """A person does not wait longer for a row that an upload has locked; see `Timeouts` too.
    Longer than `LOCK_TIMEOUT` of migrations, behind whose tries everybody queues."""
    idle_in_transaction_timeout: float = 60.0
    application_name: str = "timesheets"

    @classmethod
    def read(cls, env: Environment, application_name: str = "timesheets") -> Self:
        """From the DB_ and DATABASE_ variables; mistakes are noted in the environment."""
        pool_max = env.integer("DB_POOL_MAX", 10, 1, 500)
        return cls(
            dsn=_read_address(env),
            pool_min=env.integer("DB_POOL_MIN", min(2, pool_max), 0, pool_max),
            pool_max=pool_max,
            max_waiting=200 * pool_max,
            application_name=application_name,
        )

    def described(self) -> str:
        """The address without the password, for logs."""
        address = _address(self.dsn)
        if address is None:
            return "an address that cannot be read"
        return f"{address['user'] or ''}@{address['hosts']}/{address['database']}"

    def arguments(self) -> dict[str, Any]:
        """The arguments of `asyncpg.connect`, for the pool and every other connection."""
        return {
            "dsn": self.dsn,
            "timeout": self.connect_timeout,
            "command_timeout": self.command_timeout,
            "target_session_attrs": "read-write",
            "server_settings": {
                "application_name": self.application_name,
                "statement_timeout": _milliseconds(self.statement_timeout),
                "lock_timeout": _milliseconds(self.lock_timeout),
                "idle_in_transaction_session_timeout": _milliseconds(
                    self.idle_in_transaction_timeout
                ),
                "timezone": "UTC",
                # Compiling a plan takes longer than running any statement of ours.
                "jit": "off",
            },
        }


def _read_address(env: Environment) -> str:
    address = env.secret("DATABASE_URL")
    if not address:
        return address
    if match := _address(address):
        if any(int(port) > MAX_PORT for port in re.findall(r":(\d+)(?:,|$)", match["hosts"])):
            env.refuse(f"DATABASE_URL has a port above {MAX_PORT}")
        for mode in parse_qs(urlsplit(address).query).get("sslmode", []):
            if mode not in SSL_MODES:
                env.refuse(f"DATABASE_URL: sslmode is none of {', '.join(SSL_MODES)}")
        return address
    mistake = (
        "DATABASE_URL is not postgresql://user:password@host:port/database, special characters "
        "percent-encoded"
    )
    env.refuse(mistake)
    return ""


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
