"""With few file descriptors, connected clients get 202 or 503, and never a 500.

An outsider opens more idle connections than the process may open files. The limit is
a hard one here, so the worker cannot raise it.
"""

import contextlib
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proxy.transport.raw_http import Connection, RawResponse, ask, event, get
from tests.proxy.worker_process import WorkerProcess
from tests.waiting import wait_until

LIMIT = 128
IDLE = 400
CLIENTS = 8
TRAFFIC_S = 2.5
# A shell sets the soft and hard limit, and then becomes the worker.
UNDER_LIMIT = ("/bin/sh", "-c", f'ulimit -n {LIMIT} && exec "$@"', "sh")
LONG_WAIT = {"request_timeout_s": 300}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    """Return a worker with a low limit of files and a long request timeout."""
    # With small segments the spool opens files all the time.
    spool = {"segment_max_s": 1}
    with WorkerProcess(
        tmp_path, under=UNDER_LIMIT, proxy=LONG_WAIT, spool=spool
    ) as worker:
        yield worker


@contextlib.contextmanager
def idle_connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Hold *count* idle connections."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
            for _ in range(count)
        ]


def kind_of(answer: RawResponse) -> tuple[int, str | None]:
    return answer.status, answer.headers.get("retry-after")


def open_files(worker: WorkerProcess) -> int:
    return len(list(Path(f"/proc/{worker.pid}/fd").iterdir()))


def test_idle_connections_cause_no_error_for_connected_clients(
    worker: WorkerProcess,
) -> None:
    got: Counter[tuple[int, str | None]] = Counter()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Connection(worker.port)) for _ in range(CLIENTS)]
        for client in clients:
            client.send(event())
            assert client.answer().status == 202
        with idle_connections(worker.port, IDLE):
            # Long enough to seal and begin segments, and to measure the spool.
            end_s = time.monotonic() + TRAFFIC_S
            while time.monotonic() < end_s:
                for client in clients:
                    client.send(event())
                got.update(kind_of(client.answer()) for client in clients)
            most = open_files(worker)
        wait_until(lambda: open_files(worker) < LIMIT // 2, "the outsider to leave")
        after = [kind_of(ask(worker.port, event())) for _ in range(20)]
        ready = ask(worker.port, get("/readyz"))

    assert set(got) == {(202, None)}
    assert most < LIMIT
    assert after == [(202, None)] * 20
    assert (ready.status, ready.json["problems"]) == (200, {})
    assert worker.stop() == 0
    assert "connections_lowered" in worker.words
    assert "request_failed" not in worker.words


def test_a_client_without_a_free_descriptor_gets_503(worker: WorkerProcess) -> None:
    with idle_connections(worker.port, IDLE):
        got = ask(worker.port, event())

    assert kind_of(got) == (503, "2")
    assert got.headers["connection"] == "close"
    assert worker.stop() == 0
    # An outsider cannot fill the log either.
    assert set(worker.words) == {"connections_lowered", "geo", "listening"}


def test_the_soft_limit_is_raised_to_the_hard_limit(tmp_path: Path) -> None:
    under = ("/bin/sh", "-c", 'ulimit -Sn 64 && exec "$@"', "sh")
    with WorkerProcess(tmp_path, under=under) as worker:
        soft, hard = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)

    assert soft == min(hard, 1 << 20)
    assert "connections_lowered" not in worker.words


def test_a_limit_that_is_too_low_is_refused_by_name(tmp_path: Path) -> None:
    under = ("/bin/sh", "-c", 'ulimit -n 40 && exec "$@"', "sh")
    with (
        pytest.raises(AssertionError, match="open files"),
        WorkerProcess(tmp_path, under=under),
    ):
        pytest.fail("it started")
