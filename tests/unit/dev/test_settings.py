"""Ports: read, checked, and errors reported."""

import socket
from collections.abc import Iterator

import pytest

from dev.settings import PORTS, Ports, SettingsError

ANY = {variable: "0" for variable, _who, _default in PORTS}


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_ports_are_those_of_the_contract() -> None:
    ports = Ports.read({})

    assert (ports["GATEWAY_PORT"], ports["ISSUER_PORT"]) == (8000, 8001)
    services = ("ENTRIES", "APPROVALS", "PROFILE")
    assert [ports[f"{name}_PORT"] for name in services] == [8081, 8082, 8083]
    assert [ports[f"{name}_ADMIN_PORT"] for name in services] == [9081, 9082, 9083]


def test_each_can_be_changed_and_an_empty_variable_is_none() -> None:
    ports = Ports.read({"GATEWAY_PORT": "18000", "ISSUER_PORT": ""})

    assert (ports["GATEWAY_PORT"], ports["ISSUER_PORT"]) == (18000, 8001)


def test_zero_means_any_free_port_and_ports_differ() -> None:
    ports = Ports.read(ANY)

    assert len(set(ports.numbers.values())) == len(PORTS)
    assert 0 not in ports.numbers.values()
    ports.check_free(unused=(), grace_seconds=0)


@pytest.mark.parametrize("value", ["eight", "-1", "65536", "80.5"])
def test_what_is_no_port_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=f"^GATEWAY_PORT is no port: {value}$"):
        Ports.read({"GATEWAY_PORT": value})


def test_one_port_for_two_is_refused() -> None:
    with pytest.raises(SettingsError) as error:
        Ports.read({"GATEWAY_PORT": "8001"})
    assert str(error.value) == "ISSUER_PORT and GATEWAY_PORT are both 8001"


def test_a_taken_port_is_reported_with_its_program_and_variable(taken: int) -> None:
    ports = Ports.read({**ANY, "GATEWAY_PORT": str(taken)})

    with pytest.raises(SettingsError) as error:
        ports.check_free(unused=(), grace_seconds=0)
    assert str(error.value) == (
        f"Port {taken}, for the gateway, is taken: set GATEWAY_PORT to another."
    )


def test_a_port_that_nobody_is_going_to_use_may_be_taken(taken: int) -> None:
    Ports.read({**ANY, "PROFILE_PORT": str(taken)}).check_free({"PROFILE_PORT"}, grace_seconds=0)


def test_a_port_with_connections_that_die_down_is_free() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _address = listener.accept()
        accepted.close()  # the server's end closes first and lingers
        port = listener.getsockname()[1]

    Ports.read({**ANY, "ISSUER_PORT": str(port)}).check_free(unused=(), grace_seconds=0)
