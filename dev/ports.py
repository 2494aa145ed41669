"""Ports that nothing listens on, for what is started here only for a while."""

import random
import socket
from contextlib import ExitStack

HOST = "127.0.0.1"
# Below those that Linux (32768) and macOS (49152) give out for connections: between asking and
# listening, one of those may be taken by any client on the machine.
FIRST, LAST = 20_000, 32_000
TRIES = 1000


def free_port() -> int:
    """A port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ones; OSError where there are none."""
    with ExitStack() as held:
        return [_hold(held) for _ in range(count)]


def _hold(held: ExitStack) -> int:
    """A port that stays taken until `held` is left."""
    for _ in range(TRIES):
        probe = held.enter_context(socket.socket())
        port = random.randint(FIRST, LAST)  # noqa: S311 - not a secret
        try:
            probe.bind((HOST, port))
        except OSError:
            continue
        return port
    raise OSError(f"no port between {FIRST} and {LAST} is free")
