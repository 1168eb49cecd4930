"""Slow, silent and too many clients are disconnected at their limits."""

import contextlib
import select
import socket
import time
from collections.abc import Iterator

import pytest

from tests.proxy.transport.raw_http import EVENT, Connection, ask, event, get, request
from tests.proxy.worker_process import WorkerProcess
from tests.waiting import wait_until

TIMEOUT_S = 1
KEEPALIVE_S = 1
# The delay that a loaded machine may add to a second.
SLACK_S = 10
MOST_CONNECTIONS = 16


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker with a request timeout of 1 s and a long keep-alive."""
    proxy = {"request_timeout_s": TIMEOUT_S, "keepalive_s": 600}
    folder = tmp_path_factory.mktemp("slow")
    with WorkerProcess(folder, proxy=proxy) as worker:
        yield worker
    assert set(worker.words) == {"geo", "listening"}


@pytest.fixture(scope="module")
def keepalive_worker(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WorkerProcess]:
    """Return a worker with a long request timeout and a keep-alive of 1 s."""
    proxy = {
        "request_timeout_s": 300,
        "keepalive_s": KEEPALIVE_S,
        "max_connections": MOST_CONNECTIONS,
    }
    folder = tmp_path_factory.mktemp("patient")
    with WorkerProcess(folder, proxy=proxy) as worker:
        yield worker


class SlowClient:
    """Sends a byte at a time, and records when the server disconnects it."""

    def __init__(self, port: int, at_once: bytes, slowly: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(0)
        self.began_s = time.monotonic()
        self.ended_s: float | None = None
        self.received = b""
        self._slowly = slowly
        self.socket.send(at_once)

    def step(self) -> None:
        """Read available data, or send a byte."""
        try:
            chunk = self.socket.recv(65_536)
        except BlockingIOError:
            self._send_a_byte()
            return
        except OSError:
            chunk = b""
        self.received += chunk
        if not chunk:
            self.ended_s = time.monotonic()
            self.socket.close()

    def _send_a_byte(self) -> None:
        # If the server has closed, the next read reports it.
        with contextlib.suppress(OSError):
            self.socket.send(self._slowly[:1])
            self._slowly = self._slowly[1:]

    @property
    def open_s(self) -> float:
        """The time until the server disconnected the client."""
        assert self.ended_s is not None
        return self.ended_s - self.began_s


def run_until_closed(
    clients: list[SlowClient], within_s: float = TIMEOUT_S + SLACK_S
) -> None:
    """Run *clients* until the server has disconnected all of them."""
    end_s = time.monotonic() + within_s
    while waiting := [client for client in clients if client.ended_s is None]:
        assert time.monotonic() < end_s, f"{len(waiting)} clients are still held"
        select.select([client.socket for client in waiting], [], [], 0.05)
        for client in waiting:
            client.step()


HEAD = request()[:-4]
BODY_HEAD = request("POST", "/v1/events", b"", "Content-Length: 1000")
CHUNKED_HEAD = request("POST", "/v1/events", b"", "Transfer-Encoding: chunked")
NO_BYTES = b""
TRICKLE = b"X-Slow: " + b"a" * 1_000

# The data that each slow client sends at once, and then byte by byte.
SLOW = {
    "says nothing": (NO_BYTES, NO_BYTES),
    "headers stop": (HEAD, NO_BYTES),
    "request line trickles": (NO_BYTES, HEAD),
    "headers trickle": (HEAD + b"\r\n", TRICKLE),
    "HTTP/0.9": (b"GET /healthz\r\n", NO_BYTES),
    "empty lines trickle": (b"\r\n", b"\r\n" * 500),
    "body stops": (BODY_HEAD, NO_BYTES),
    "body trickles": (BODY_HEAD, EVENT * 20),
    "chunk trickles": (CHUNKED_HEAD + b"3e8\r\n", EVENT * 20),
    "chunks trickle": (CHUNKED_HEAD, b"1\r\na\r\n" * 200),
}


@pytest.fixture(scope="module")
def slow_clients(worker: WorkerProcess) -> dict[str, list[SlowClient]]:
    """Return disconnected slow clients of every kind, and one quick client."""
    clients = {
        kind: [SlowClient(worker.port, *sends) for _ in range(30)]
        for kind, sends in SLOW.items()
    }
    quick = SlowClient(worker.port, event("Connection: close"), NO_BYTES)
    run_until_closed([quick, *(client for kind in clients.values() for client in kind)])
    return {"quick": [quick], **clients}


@pytest.mark.parametrize("kind", SLOW)
def test_a_slow_request_is_closed_at_the_timeout(
    slow_clients: dict[str, list[SlowClient]], kind: str
) -> None:
    clients = slow_clients[kind]

    # A byte that crosses with the answer resets the connection and loses the answer.
    answers = {client.received[:12] for client in clients} - {b""}
    assert answers == {b"HTTP/1.1 408"}
    assert min(client.open_s for client in clients) >= TIMEOUT_S * 0.9


def test_slow_clients_do_not_delay_others(
    slow_clients: dict[str, list[SlowClient]],
) -> None:
    [quick] = slow_clients["quick"]

    assert b" 202 Accepted" in quick.received
    assert quick.open_s < max(client.open_s for client in slow_clients["body trickles"])


def test_the_timeout_applies_to_the_second_request(worker: WorkerProcess) -> None:
    client = SlowClient(worker.port, get("/healthz"), NO_BYTES)
    while b"ok\n" not in client.received:
        client.step()
    between_s = time.monotonic()
    client.socket.send(HEAD)

    run_until_closed([client])

    assert time.monotonic() - between_s >= TIMEOUT_S * 0.9
    assert b"HTTP/1.1 408" in client.received


def test_an_idle_connection_is_kept_between_requests(worker: WorkerProcess) -> None:
    # Its limit is keepalive_s, here ten minutes, and not the request timeout.
    with Connection(worker.port) as connection:
        connection.send(event())
        connection.answer()
        run_until_closed([SlowClient(worker.port, NO_BYTES, NO_BYTES)])
        connection.send(event())

        assert connection.answer().status == 202


@contextlib.contextmanager
def non_reading_client(port: int) -> Iterator[socket.socket]:
    """Return a non-blocking connection with a tiny receive buffer."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", port))
        client.settimeout(0)
        yield client


def test_a_client_that_does_not_read_is_disconnected(worker: WorkerProcess) -> None:
    requests = get("/m.js") * 500
    with non_reading_client(worker.port) as client:
        began_s = time.monotonic()
        while True:
            assert time.monotonic() - began_s < SLACK_S, "it is still held"
            try:
                client.send(requests)
            except BlockingIOError:
                select.select([], [client], [], 0.05)
            except OSError:
                break

    assert ask(worker.port, event()).status == 202


def test_a_slow_reader_is_served(worker: WorkerProcess) -> None:
    count = 2_000
    with Connection(worker.port) as connection:
        for _ in range(count // 100):
            connection.send(get("/m.js") * 100)
        got = {connection.answer().status for _ in range(count)}

    assert got == {200}


def test_an_unused_connection_is_closed(keepalive_worker: WorkerProcess) -> None:
    client = SlowClient(keepalive_worker.port, get("/healthz"), NO_BYTES)

    run_until_closed([client], KEEPALIVE_S + SLACK_S)

    assert client.open_s >= KEEPALIVE_S * 0.9
    assert client.received.endswith(b"ok\n")


def test_the_number_of_connections_is_limited(keepalive_worker: WorkerProcess) -> None:
    with_room = [SlowClient(keepalive_worker.port, HEAD, NO_BYTES) for _ in range(10)]
    crowd = [SlowClient(keepalive_worker.port, HEAD, NO_BYTES) for _ in range(30)]

    def refused() -> int:
        for client in [*with_room, *crowd]:
            if client.ended_s is None:
                client.step()
        return sum(client.ended_s is not None for client in crowd)

    wait_until(lambda: refused() >= 40 - MOST_CONNECTIONS, "the crowd to be refused")
    assert all(client.ended_s is None for client in with_room)
    for client in [*with_room, *crowd]:
        client.socket.close()

    def serves() -> bool:
        try:
            return ask(keepalive_worker.port, event()).status == 202
        except (OSError, AssertionError):
            return False

    wait_until(serves, "room for a client")
