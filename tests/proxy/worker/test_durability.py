"""An acknowledged event is always on disk; every other event is refused."""

import re
import resource
import signal
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from batcher.schedule.job_state import write_job_states
from batcher.spool.spool import Spool
from tests.programs import need
from tests.proxy.transport.raw_http import (
    EVENT,
    Connection,
    RawResponse,
    ask,
    event,
    get,
)
from tests.proxy.worker_process import WorkerProcess
from tests.waiting import wait_until
from warehouse.job_states import JobState, job_state_path

MEGABYTE = 1 << 20
MANY = event(body=b"[" + b",".join([EVENT] * 500) + b"]")


def page(path: str) -> bytes:
    """Return a request with a page view of *path*."""
    body = b'{"site":"shop","url":"https://shop.example%s"}' % path.encode()
    return event(body=body)


def limit_files(worker: WorkerProcess, size_bytes: int) -> None:
    """Stop files of the worker from growing past *size_bytes* from now on."""
    _, hard = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


def fill_until_refused(
    worker: WorkerProcess, requests: Callable[[int], bytes]
) -> tuple[RawResponse, int]:
    """Send until a request is refused; return that answer and the accepted count."""
    with Connection(worker.port) as connection:
        for number in range(2_000):
            connection.send(requests(number))
            got = connection.answer()
            if got.status != 202:
                return got, number
    raise AssertionError("it never was full")


def is_ready(worker: WorkerProcess) -> bool:
    return ask(worker.port, get("/readyz")).status == 200


def is_accepted(worker: WorkerProcess, data: bytes) -> bool:
    return ask(worker.port, data).status == 202


def test_a_full_disk_is_reported_until_it_has_space(
    tmp_path: Path,
) -> None:
    paths: list[str] = []

    def next_page(number: int) -> bytes:
        paths.append(f"/before/{number}")
        return page(paths[-1])

    with WorkerProcess(tmp_path) as worker:
        # More than the log needs, and less than a group of many events.
        limit_files(worker, 2_048)
        refused, accepted = fill_until_refused(worker, next_page)
        not_ready = ask(worker.port, get("/readyz"))
        for _ in range(100):
            assert ask(worker.port, MANY).status == 503
        limit_files(worker, resource.RLIM_INFINITY)
        # Nothing is sent: the worker must notice the space by itself.
        wait_until(lambda: is_ready(worker), "the worker to be ready")
        assert is_accepted(worker, page("/after"))
        assert worker.stop() == 0

    acknowledged = paths[:accepted]
    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert refused.json == {"error": "the events were not kept; send them again"}
    assert (not_ready.status, list(not_ready.json["problems"])) == (503, ["spool"])
    assert len(acknowledged) > 2
    assert worker.spooled.paths == [*acknowledged, "/after"]
    assert worker.words.count("spool_recovered") == 1
    # No line for each refusal: the log may be on the same disk.
    assert 1 <= worker.words.count("refused") < 50


def test_a_real_full_disk_loses_no_acknowledged_event(
    tmp_path: Path, small_disk: Path
) -> None:
    with WorkerProcess(tmp_path, spool={"dir": str(small_disk)}) as worker:
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(2 * MEGABYTE))
        refused, accepted = fill_until_refused(worker, lambda _: MANY)
        ballast.unlink()
        wait_until(lambda: is_accepted(worker, page("/after")), "room for an event")
        assert worker.stop() == 0
        got = worker.spooled

    assert (refused.status, "retry-after" in refused.headers) == (503, True)
    assert accepted > 0
    assert got.paths == ["/p/42"] * (500 * accepted) + ["/after"]


FAILING = JobState(
    every_s=15,
    last_success_at=1_600_000_000,
    failures=3,
    problem="load the spool: EACCES",
)


def test_a_full_spool_is_reported_until_it_is_loaded(
    tmp_path: Path,
) -> None:
    bound = {"max_bytes": MEGABYTE, "segment_max_mb": 1, "segment_max_s": 1}
    with WorkerProcess(tmp_path, spool=bound) as worker:
        refused, _ = fill_until_refused(worker, lambda _: MANY)
        spool = Spool(worker.spool_dir)
        size = spool.size_bytes()
        wait_until(spool.sealed, "the segment to be sealed")
        assert ask(worker.port, MANY).status == 503
        path = job_state_path(worker.spool_dir)
        write_job_states(path, {"load": FAILING})
        problem = ask(worker.port, get("/readyz")).json["problems"]["spool"]
        wait_until(lambda: "spool_full" in worker.words, "the log to say so")

        spool.remove(segment.path for segment in spool.sealed())
        wait_until(lambda: is_accepted(worker, MANY), "room for events")

    assert (refused.status, "retry-after" in refused.headers) == (503, True)
    assert MEGABYTE // 2 < size <= MEGABYTE
    assert problem == (
        "full (spool.max_bytes): loading has not succeeded since"
        " 2020-09-13T12:26:40Z, failed 3 times: load the spool: EACCES"
    )


def test_a_client_that_disconnects_loses_only_its_response(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, spool={"fsync_window_ms": 200}) as worker:
        for number in range(20):
            client = socket.create_connection(("127.0.0.1", worker.port))
            client.sendall(page(f"/gone/{number}"))
            if number % 2:
                reset = struct.pack("ii", 1, 0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.close()
        assert is_accepted(worker, page("/stays"))
        assert worker.stop() == 0

    # A reset may overtake the request, but an orderly close may not.
    assert {f"/gone/{number}" for number in range(0, 20, 2)} <= set(
        worker.spooled.paths
    )
    assert "/stays" in worker.spooled.paths
    assert set(worker.words) == {"geo", "listening"}


class LoadClients:
    """Clients that send page views in a loop and record acknowledged ones."""

    def __init__(self, worker: WorkerProcess, size: int = 8) -> None:
        self._port = worker.port
        self._enough = threading.Event()
        self.acknowledged: set[str] = set()
        self.answers: set[int] = set()
        self._threads = [
            threading.Thread(target=self._send, args=(number,))
            for number in range(size)
        ]

    def __enter__(self) -> Self:
        """Start to send."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop sending."""
        self._enough.set()
        for thread in self._threads:
            thread.join(20)

    def _send(self, client: int) -> None:
        number = 0
        while not self._enough.is_set():
            try:
                with Connection(self._port) as connection:
                    while not self._enough.is_set():
                        number += 1
                        path = f"/p/{client}-{number}"
                        connection.send(page(path))
                        self._note(path, connection.answer().status)
            except (OSError, AssertionError):
                # The server has stopped, or is stopping.
                continue

    def _note(self, path: str, status: int) -> None:
        self.answers.add(status)
        if status == 202:
            self.acknowledged.add(path)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_stopping_under_load_loses_no_acknowledged_event(
    tmp_path: Path, how: signal.Signals
) -> None:
    with WorkerProcess(tmp_path) as worker:
        with LoadClients(worker) as clients:
            wait_until(lambda: len(clients.acknowledged) > 300, "some events")

            code = worker.end(how)

        # The next process finds segments that a killed one left open.
        worker.start()
        assert worker.stop() == 0
    stored = worker.spooled.paths
    assert code == (-how if how == signal.SIGKILL else 0)
    assert clients.acknowledged - set(stored) == set()
    assert len(stored) == len(set(stored))
    assert clients.answers == {202}
    assert worker.spooled.is_sealed


def test_a_stop_answers_open_requests_and_does_not_wait_for_slow_ones(
    tmp_path: Path,
) -> None:
    settings = {"request_timeout_s": 300}
    with (
        WorkerProcess(
            tmp_path, proxy=settings, spool={"fsync_window_ms": 500}
        ) as worker,
        Connection(worker.port) as slow,
        Connection(worker.port) as last,
    ):
        slow.send(event("Content-Length: 1000"))
        last.send(page("/last"))
        # An answer to a later request proves that the worker has read both.
        assert ask(worker.port, get("/healthz")).status == 200

        # The stop ends long before a supervisor would kill the worker.
        assert worker.stop() == 0
        got = last.answer()

    assert got.status == 202
    assert worker.spooled.paths == ["/last"]


def test_the_response_is_sent_only_after_the_disk_sync(tmp_path: Path) -> None:
    log = tmp_path / "strace"
    calls = "trace=fdatasync,fsync,write,writev,sendto,sendmsg"
    under = [str(need("strace")), "-D", "-f", "-y", "-s", "32", "--seccomp-bpf"]
    with WorkerProcess(tmp_path, under=[*under, "-e", calls, "-o", str(log)]) as worker:
        # Two requests, because the first event also creates a segment.
        for _ in range(2):
            assert ask(worker.port, event()).status == 202
        assert worker.stop() == 0
    lines = log.read_text().splitlines()
    interesting = [
        name
        for line in lines
        for name, mark in (
            ("append", r"writev?\(.*\.open>.*"),
            ("synced", r"(fdatasync\(.*\.open>\)|<\.\.\. fdatasync resumed>\)) += 0"),
            ("answer", r"(write|writev|sendto|sendmsg)\(.*HTTP/1\.1 202"),
        )
        if re.search(mark, line)
    ]

    assert interesting == ["append", "synced", "answer"] * 2
