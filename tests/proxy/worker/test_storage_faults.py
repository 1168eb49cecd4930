"""With broken directories, a worker answers normally or with 503."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import free_ports
from tests.proxy.transport.raw_http import Connection, RawResponse, ask, event, get
from tests.proxy.worker_process import WorkerProcess
from tests.waiting import wait_until

# Longer than a rescan of the spool and the sealing of a one-second segment.
TRAFFIC_S = 1.5
NOBODY = 65_534

Heal = Callable[[], object]
Fault = Callable[[WorkerProcess], Heal]


def kind_of(answer: RawResponse) -> tuple[int, str | None]:
    return answer.status, answer.headers.get("retry-after")


def count_answers(client: Connection) -> Counter[tuple[int, str | None]]:
    """Send events, token and health requests; return the count of each answer."""
    got: Counter[tuple[int, str | None]] = Counter()
    token = get("/v1/visit?site=shop&url=https://shop.example/")
    end_s = time.monotonic() + TRAFFIC_S
    while time.monotonic() < end_s:
        for request in (event(), get("/healthz"), get("/readyz"), token):
            client.send(request)
            got[kind_of(client.answer())] += 1
    return got


def without_spool(worker: WorkerProcess) -> Heal:
    elsewhere = worker.spool_dir.with_name("elsewhere")
    worker.spool_dir.rename(elsewhere)
    return lambda: elsewhere.rename(worker.spool_dir)


def without_lanes(worker: WorkerProcess) -> Heal:
    lanes, elsewhere = worker.spool_dir / "lanes", worker.spool_dir / "elsewhere"
    lanes.rename(elsewhere)

    def heal() -> None:
        # The worker has created its lane again meanwhile.
        lanes.mkdir(exist_ok=True)
        for lane in elsewhere.iterdir():
            lane.rename(lanes / f"restored-{lane.name}")

    return heal


def without_quarantine(worker: WorkerProcess) -> Heal:
    shutil.rmtree(worker.spool_dir / "quarantine")
    return (worker.spool_dir / "quarantine").mkdir


def without_salts(worker: WorkerProcess) -> Heal:
    shutil.rmtree(worker.folder / "salts")
    return int


def with_salts_others_may_enter(worker: WorkerProcess) -> Heal:
    (worker.folder / "salts").chmod(0o777)
    return lambda: (worker.folder / "salts").chmod(0o700)


def without_keys(worker: WorkerProcess) -> Heal:
    shutil.rmtree(worker.folder / "keys")
    return int


def without_descriptors(worker: WorkerProcess) -> Heal:
    _, hard = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    used = {int(path.name) for path in Path(f"/proc/{worker.pid}/fd").iterdir()}
    all_used = next(number for number in range(hard) if number not in used)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (all_used, hard))
    return lambda: resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (hard, hard))


def with_no_file_growing(worker: WorkerProcess) -> Heal:
    _, hard = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (0, hard))
    return lambda: resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (hard, hard))


FAULTS: list[Fault] = [without_spool, without_descriptors]
MORE_FAULTS: list[Fault] = [
    without_lanes,
    without_quarantine,
    without_salts,
    with_salts_others_may_enter,
    without_keys,
    with_no_file_growing,
]


def check_fault(worker: WorkerProcess, fault: Fault) -> None:
    """Check that *fault* causes only 503, and that the worker recovers after it."""
    with Connection(worker.port) as client:
        client.send(event())
        assert client.answer().status == 202
        heal = fault(worker)
        try:
            got = count_answers(client)
        finally:
            heal()
    wait_until(lambda: ask(worker.port, event()).status == 202, "the worker to recover")
    wait_until(lambda: ask(worker.port, get("/readyz")).status == 200, "it to be ready")

    assert set(got) - {(503, "2")} <= {(202, None), (200, None)}
    assert "request_failed" not in worker.words
    assert worker.stop() == 0


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=fault.__name__) for fault in FAULTS]
    + [
        pytest.param(fault, id=fault.__name__, marks=pytest.mark.slow)
        for fault in MORE_FAULTS
    ],
)
def test_a_storage_fault_causes_only_503(tmp_path: Path, fault: Fault) -> None:
    with WorkerProcess(tmp_path, spool={"segment_max_s": 1}) as worker:
        check_fault(worker, fault)


def test_a_worker_recreates_its_removed_lane(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, spool={"segment_max_s": 1}) as worker:
        assert ask(worker.port, event()).status == 202
        lane = worker.spool_dir / "lanes" / "worker-0"
        shutil.rmtree(lane)
        # The lane returns without traffic: a balancer sends none to an unready worker.
        wait_until(lane.is_dir, "the idle worker to make its lane")
        wait_until(
            lambda: ask(worker.port, event()).status == 202, "the worker to accept"
        )
        worker.stop()

    assert '"word": "lane_vanished", "lane": "worker-0"' in worker.log


def unreadable(folder: str) -> Fault:
    def fault(worker: WorkerProcess) -> Heal:
        path = worker.spool_dir / folder
        path.chmod(0)
        return lambda: path.chmod(0o755)

    return fault


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Return a folder and a command prefix that runs a worker without root rights."""
    if os.geteuid():
        yield tmp_path, ()
        return
    under = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        home = folder / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        with contextlib.suppress(FileNotFoundError):
            runs = subprocess.run(
                [*under, sys.executable, "-c", ""],
                check=False,
                capture_output=True,
            )
            if runs.returncode == 0:
                yield home, under
                return
    pytest.skip("permissions do not hold root back")


@pytest.mark.parametrize(
    "folder",
    [
        "lanes/worker-0",
        pytest.param(".", marks=pytest.mark.slow),
        pytest.param("lanes", marks=pytest.mark.slow),
        pytest.param("quarantine", marks=pytest.mark.slow),
    ],
)
def test_an_unreadable_directory_causes_only_503(
    unprivileged: tuple[Path, tuple[str, ...]], folder: str
) -> None:
    home, under = unprivileged
    # Only processes of the same user can share a port.
    [port] = free_ports(1)
    spool = {"segment_max_s": 1}
    with WorkerProcess(home, under=under, spool=spool, port=port) as worker:
        check_fault(worker, unreadable(folder))


@pytest.mark.slow
def test_a_disk_full_of_other_files_causes_only_503(
    tmp_path: Path, small_disk: Path
) -> None:
    def fill(_worker: WorkerProcess) -> Heal:
        ballast = small_disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4_096)):
                pass
        return ballast.unlink

    spool = {"dir": str(small_disk / "spool"), "segment_max_s": 1}
    with WorkerProcess(tmp_path, spool=spool) as worker:
        check_fault(worker, fill)
