"""Ports that nothing listens on, for what is started here only for a while."""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache

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
    for port in itertools.islice(candidates(), TRIES):
        probe = held.enter_context(socket.socket())
        try:
            probe.bind((HOST, port))
        except OSError:
            continue
        return port
    raise OSError(f"no port between {FIRST} and {LAST} is free")


@cache
def candidates() -> Iterator[int]:
    """The ports in an order of this process's own, again and again: one that was given out, and is
    not listened on yet, is not given out to the next who asks."""
    ports = range(FIRST, LAST + 1)
    return itertools.cycle(random.SystemRandom().sample(ports, len(ports)))
