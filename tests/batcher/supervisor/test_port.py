"""A port that is held is ours: it is shared with nobody but our own workers."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from batcher.supervisor.port import (
    PortError,
    SharedPortError,
    check_port,
    free_port,
    hold_port,
    lock_listeners,
)
from tests.processes import free_ports
from warehouse.locks import try_lock

HOST = "127.0.0.1"


@pytest.fixture
def port() -> int:
    """Return a port nobody listens on."""
    [found] = free_ports(1)
    return found


@pytest.fixture
def held(port: int) -> Iterator[int]:
    """Yield a port that is held."""
    with hold_port("proxy", HOST, port):
        yield port


def listening(port: int, *, shared: bool) -> socket.socket:
    """Return a socket that listens as a worker does."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
    try:
        found.bind((HOST, port))
        found.listen()
    except OSError:
        found.close()
        raise
    return found


def test_a_port_is_held_once(held: int) -> None:
    with pytest.raises(PortError) as refused, hold_port("proxy", HOST, held):
        pass

    assert refused.value.exit_code == 2
    assert refused.value.message == (
        f"listen on {HOST}:{held}: another program has this port (EADDRINUSE)"
    )
    assert "another proxy.port" in (refused.value.hint or "")


def test_a_server_that_does_not_share_gets_no_port_that_is_held(held: int) -> None:
    with pytest.raises(OSError, match="in use"):
        listening(held, shared=False)
    with pytest.raises(PortError):
        check_port("reports", HOST, held)


def test_our_workers_share_it_and_still_nobody_else_holds_it(held: int) -> None:
    with listening(held, shared=True), listening(held, shared=True):
        with socket.create_connection((HOST, held), timeout=5):
            pass
        with pytest.raises(PortError), hold_port("proxy", HOST, held):
            pass


def test_a_port_that_is_held_answers_nobody(held: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, held), timeout=5)


def test_whoever_shares_without_a_holder_is_another_program(port: int) -> None:
    with listening(port, shared=True), pytest.raises(PortError):
        check_port("proxy", HOST, port)


def test_connections_that_were_closed_do_not_block_the_next(port: int) -> None:
    with (
        listening(port, shared=True) as server,
        socket.create_connection((HOST, port), timeout=5),
    ):
        # Closed from this side first, it lingers for a minute.
        server.accept()[0].close()

    with hold_port("proxy", HOST, port):
        pass


def test_the_port_goes_with_the_block(port: int) -> None:
    for _ in range(2):
        with hold_port("proxy", HOST, port):
            pass
    check_port("proxy", HOST, port)


def test_a_port_of_every_address_is_also_a_port_of_one(held: int) -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - nothing listens
    with pytest.raises(PortError), hold_port("proxy", everywhere, held):
        pass


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_a_port_is_held_on_each_address_of_its_host(host: str, port: int) -> None:
    with hold_port("proxy", host, port), pytest.raises(PortError):
        check_port("proxy", host, port)
    check_port("proxy", host, port)


def test_port_0_is_many_ports_and_is_not_held() -> None:
    with hold_port("proxy", HOST, 0), hold_port("proxy", HOST, 0):
        pass


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        pytest.param("192.0.2.1", "this machine has no such address", id="address"),
        pytest.param("no-such-host.invalid", "the host's name is not known", id="name"),
    ],
)
def test_a_host_that_is_not_ours_is_named(host: str, reason: str, port: int) -> None:
    with pytest.raises(PortError, match=reason):
        check_port("proxy", host, port)


def test_a_supervised_worker_is_started_again() -> None:
    assert SharedPortError("proxy", HOST, 1, OSError()).exit_code == 3


def test_a_free_port_can_be_held() -> None:
    with hold_port("proxy", HOST, free_port(HOST)):
        pass


def test_the_next_supervisor_waits_while_a_child_lives(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(lock_listeners(tmp_path))
        assert try_lock(tmp_path / "lock_listeners.lock") is None
    with lock_listeners(tmp_path):
        pass
