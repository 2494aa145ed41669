"""Ports for what is started for a while."""

from __future__ import annotations

import itertools
import socket
from pathlib import Path

import pytest

from dev import ports

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_free_ports_differ_and_can_be_listened_on() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    for port in found:
        with socket.socket() as listener:
            listener.bind((ports.HOST, port))
            listener.listen()


def test_a_port_that_is_not_listened_on_yet_is_not_given_out_again() -> None:
    found = [ports.free_port() for _ in range(1000)]
    assert len(set(found)) == 1000


@pytest.mark.skipif(not EPHEMERAL.exists(), reason="only Linux tells")
def test_no_client_is_given_such_a_port() -> None:
    first = int(EPHEMERAL.read_text().split()[0])
    assert first > ports.LAST


def test_what_is_taken_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        taken = ports.free_port()
        listener.bind((ports.HOST, taken))
        listener.listen()
        monkeypatch.setattr(ports, "candidates", lambda: itertools.repeat(taken))
        with pytest.raises(OSError, match="is free"):
            ports.free_port()
