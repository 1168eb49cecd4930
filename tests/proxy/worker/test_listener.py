"""Workers share a port, and a worker without its port or number does not start."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batcher.supervisor.child import DRAIN
from tests.proxy.transport.raw_http import Connection, ask, event
from tests.proxy.worker_process import WorkerProcess
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker in its own process."""
    with WorkerProcess(tmp_path_factory.mktemp("worker")) as worker:
        yield worker


def start_failing_worker(config: Path) -> subprocess.CompletedProcess[str]:
    """Start worker 0, whose start must fail."""
    command = [sys.executable, "-m", "millpond", "proxy", "worker", "0"]
    return subprocess.run(
        [*command, "--config", str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_worker_of_the_same_number_is_refused(running: WorkerProcess) -> None:
    got = start_failing_worker(running.config)

    # Exit code 2: a restart would not help, so the supervisor gives up.
    assert got.returncode == 2
    assert "proxy worker 0: already running on" in got.stderr
    assert "Traceback" not in got.stderr


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        worker = WorkerProcess(tmp_path, port=port)

        got = start_failing_worker(worker.config)

    assert got.returncode == 2
    assert f"listen on 127.0.0.1:{port}: another program has this port" in got.stderr
    assert "hint: " in got.stderr
    assert "Traceback" not in got.stderr


def test_workers_share_a_port_and_one_may_stop(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path) as first:
        port = first.port
        with WorkerProcess(tmp_path, port=port, number=1) as second:
            wait_until(lambda: "listening" in second.words, "the second worker")
            for _ in range(20):
                assert ask(port, event()).status == 202
        for _ in range(20):
            assert ask(port, event()).status == 202

        assert len(first.spooled.events) == 40
    assert second.has_ended


def refuses_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize(
    "is_whole", [pytest.param(True, id="at once"), pytest.param(False, id="in parts")]
)
def test_a_replaced_worker_answers_its_open_connections_and_ends(
    tmp_path: Path, *, is_whole: bool
) -> None:
    with (
        WorkerProcess(tmp_path) as worker,
        Connection(worker.port) as used,
        Connection(worker.port) as new,
    ):
        used.send(event())
        before = used.answer()
        os.kill(worker.pid, DRAIN)
        wait_until(lambda: refuses_connections(worker.port), "the end of listening")
        # One connection was in use, the other one had not sent a request yet.
        after = []
        for connection in (used, new):
            cut = len(event()) if is_whole else 40
            connection.send(event()[:cut])
            connection.send(event()[cut:])
            after.append(connection.answer())
        rest = [used.rest(), new.rest()]
        wait_until(lambda: worker.has_ended, "the worker to end")

        assert (before.status, [got.status for got in after]) == (202, [202, 202])
        assert "connection" not in before.headers
        assert [got.headers["connection"] for got in after] == ["close", "close"]
        assert rest == [b"", b""]
        assert worker.end(signal.SIGTERM) == 0
        assert len(worker.spooled.events) == 3
        assert worker.spooled.is_sealed


def test_a_replaced_worker_closes_idle_connections_in_the_end(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path) as worker, Connection(worker.port) as idle:
        idle.send(event())
        idle.answer()
        os.kill(worker.pid, DRAIN)
        wait_until(lambda: worker.has_ended, "the worker to end", timeout_s=20)

        assert idle.rest() == b""
        assert worker.end(signal.SIGTERM) == 0
