"""A reserved port is shared only with the workers of its supervisor."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from batcher.supervisor.port import (
    PortError,
    SharedPortError,
    bind_shared,
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
    """Return an unused port."""
    [free] = free_ports(1)
    return free


@pytest.fixture
def held_port(port: int) -> Iterator[int]:
    """Yield a reserved port."""
    with hold_port("proxy", HOST, port):
        yield port


def listening(port: int, *, shared: bool) -> socket.socket:
    """Return a socket that listens like a worker."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
    try:
        server.bind((HOST, port))
        server.listen()
    except OSError:
        server.close()
        raise
    return server


def test_a_port_can_be_reserved_once(held_port: int) -> None:
    with pytest.raises(PortError) as refused, hold_port("proxy", HOST, held_port):
        pass

    assert refused.value.exit_code == 2
    assert refused.value.message == (
        f"listen on {HOST}:{held_port}: another program has this port (EADDRINUSE)"
    )
    assert "another proxy.port" in (refused.value.hint or "")


def test_a_server_that_does_not_share_cannot_use_a_reserved_port(
    held_port: int,
) -> None:
    with pytest.raises(OSError, match="in use"):
        listening(held_port, shared=False)
    with pytest.raises(PortError):
        check_port("reports", HOST, held_port)


def test_workers_share_a_reserved_port_and_no_other_supervisor_gets_it(
    held_port: int,
) -> None:
    with listening(held_port, shared=True), listening(held_port, shared=True):
        with socket.create_connection((HOST, held_port), timeout=5):
            pass
        with pytest.raises(PortError), hold_port("proxy", HOST, held_port):
            pass


def test_a_reserved_port_refuses_connections(held_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, held_port), timeout=5)


def test_a_sharing_server_without_a_reservation_is_another_program(port: int) -> None:
    with listening(port, shared=True), pytest.raises(PortError):
        check_port("proxy", HOST, port)


def test_closed_connections_do_not_block_a_reservation(port: int) -> None:
    with (
        listening(port, shared=True) as server,
        socket.create_connection((HOST, port), timeout=5),
    ):
        # The side that closes first keeps the connection in TIME_WAIT for a minute.
        server.accept()[0].close()

    with hold_port("proxy", HOST, port):
        pass


def test_the_port_is_released_after_the_block(port: int) -> None:
    for _ in range(2):
        with hold_port("proxy", HOST, port):
            pass
    check_port("proxy", HOST, port)


def test_a_port_reserved_on_one_address_is_refused_on_all(held_port: int) -> None:
    all_addresses = "0.0.0.0"  # noqa: S104 - no server listens
    with pytest.raises(PortError), hold_port("proxy", all_addresses, held_port):
        pass


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_a_port_is_reserved_on_each_address_of_its_host(host: str, port: int) -> None:
    with hold_port("proxy", host, port), pytest.raises(PortError):
        check_port("proxy", host, port)
    check_port("proxy", host, port)


def test_port_0_is_not_reserved() -> None:
    with hold_port("proxy", HOST, 0), hold_port("proxy", HOST, 0):
        pass


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        pytest.param(
            "192.0.2.1", "this machine has no such address", id="foreign address"
        ),
        pytest.param(
            "no-such-host.invalid", "the host's name is not known", id="unknown name"
        ),
    ],
)
def test_a_host_of_another_machine_is_named(host: str, reason: str, port: int) -> None:
    with pytest.raises(PortError, match=reason):
        check_port("proxy", host, port)


def test_a_port_error_of_a_supervised_worker_leads_to_a_restart() -> None:
    assert SharedPortError("proxy", HOST, 1, OSError()).exit_code == 3


def test_a_free_port_can_be_reserved() -> None:
    with hold_port("proxy", HOST, free_port(HOST)):
        pass


def test_the_listeners_lock_is_held_while_the_block_runs(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(lock_listeners(tmp_path))
        assert try_lock(tmp_path / "listeners.lock") is None
    with lock_listeners(tmp_path):
        pass


def test_a_socket_that_is_passed_on_accepts_only_once_a_worker_listens(
    held_port: int,
) -> None:
    with ExitStack() as sockets:
        [bound] = map(sockets.enter_context, bind_shared("proxy", HOST, held_port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, held_port), timeout=5)
        first = sockets.enter_context(bound.dup())
        first.listen()
        client = socket.create_connection((HOST, held_port), timeout=5)
        sockets.enter_context(client)
        # The first worker stops before it accepts the connection.
        first.close()
        second = sockets.enter_context(bound.dup())

        sockets.enter_context(second.accept()[0]).sendall(b"here")

        assert client.recv(4) == b"here"


def test_port_0_has_no_sockets_to_pass_on() -> None:
    assert bind_shared("proxy", HOST, 0) == []
