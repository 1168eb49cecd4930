"""One worker is ready when it can store events, and reports its problems."""

import asyncio
import math
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from batcher.schedule.job_state import write_job_states
from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.spool import Spool
from config.settings import PrivacySettings, Settings
from proxy.worker.listener import serve
from proxy.worker.worker import Worker
from tests.proxy.client.mmdb_files import flat, write_mmdb
from tests.proxy.pipeline.pipeline_setup import NOON
from tests.proxy.transport.raw_http import Answer, ask, event, get
from tests.proxy.worker_process import WorkerProcess, reserved_port
from tests.waiting import wait_until
from tests.wrong_clock import wrong_clock
from warehouse.job_states import JobState, job_state_path

LONG_AGO = 1_600_000_000.0
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker in its own process."""
    with WorkerProcess(tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture
def port_settings(settings: Settings) -> Iterator[Settings]:
    """Return settings with a reserved port for a serving worker."""
    with reserved_port() as port:
        yield replace(settings, proxy=replace(settings.proxy, port=port))


def get_readiness(worker: WorkerProcess) -> Answer:
    return ask(worker.port, get("/readyz"))


def test_a_worker_that_can_store_events_is_ready(running: WorkerProcess) -> None:
    got = get_readiness(running)

    assert (got.status, got.json) == (200, {"ready": True, "problems": {}})
    assert got.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        pytest.param(
            JobState(every_s=60, failures=3, error="load: disk on fire"),
            "has not succeeded yet, failed 3 times: load: disk on fire",
            id="failing",
        ),
        pytest.param(
            JobState(every_s=60, last_success_at=LONG_AGO),
            "has not succeeded since 2020-09-13T12:26:40Z: is the batcher running?",
            id="overdue",
        ),
    ],
)
def test_a_failing_job_is_reported_and_events_are_accepted(
    running: WorkerProcess, state: JobState, problem: str
) -> None:
    path = job_state_path(running.spool_dir)
    write_job_states(path, {"load": state})

    got = get_readiness(running)

    path.unlink()
    assert (got.status, got.json["problems"]) == (200, {"job load": problem})
    assert ask(running.port, event()).status == 202


@pytest.mark.parametrize("content", [b"", b"{", b'{"load": 7}', b"\xff"])
def test_an_unreadable_job_file_is_no_problem(
    running: WorkerProcess, content: bytes
) -> None:
    path = job_state_path(running.spool_dir)
    path.write_bytes(content)

    got = get_readiness(running)

    path.unlink()
    assert (got.status, got.json["problems"]) == (200, {})


def test_an_untrusted_clock_is_reported_and_events_are_accepted(
    tmp_path: Path,
) -> None:
    witness = tmp_path / "data" / "warehouse" / "clock"
    witness.parent.mkdir(parents=True)
    witness.write_bytes(b"damaged")
    # A kernel with a synchronised clock would make the real time trusted.
    set_wrong = [f"{name}={value}" for name, value in wrong_clock("+1h").items()]
    with WorkerProcess(tmp_path, under=("env", *set_wrong)) as worker:
        got = get_readiness(worker)
        answer = ask(worker.port, event())

    assert got.status == 200
    assert "the clock is not believed" in got.json["problems"]["clock"]
    assert answer.status == 202


def test_a_quarantined_segment_is_reported(running: WorkerProcess) -> None:
    segment = running.spool_dir / "quarantine" / "worker-9-0000000001.segment"
    segment.write_bytes(b"?")

    got = get_readiness(running)

    segment.unlink()
    assert got.status == 200
    assert "quarantine" in got.json["problems"]


@pytest.fixture
async def worker(settings: Settings, tmp_path: Path) -> AsyncIterator[Worker]:
    """Return a worker in this process that does not serve."""
    database = write_mmdb(tmp_path / "geo.mmdb", {"203.0.113.0/24": flat("SE")})
    privacy: PrivacySettings = replace(settings.privacy, geo_database=str(database))
    worker = Worker(
        replace(settings, privacy=privacy),
        0,
        asyncio.get_running_loop(),
        lambda: float(NOON),
    )
    yield worker
    await worker.close()


async def test_a_worker_without_todays_salt_is_not_ready(worker: Worker) -> None:
    before = worker.readiness()
    await worker.prepare()
    after = worker.readiness()

    assert (before.ready, list(before.problems)) == (False, ["salts"])
    assert (after.ready, after.problems) == (True, {})


async def test_a_broken_geo_database_is_reported_without_its_path(
    worker: Worker, tmp_path: Path
) -> None:
    await worker.prepare()
    new = tmp_path / "new"
    new.write_bytes(b"not a database")
    new.replace(tmp_path / "geo.mmdb")
    await worker.upkeep.refresh()

    got = worker.readiness()

    assert (got.ready, list(got.problems)) == (True, ["geo"])
    assert str(tmp_path) not in got.problems["geo"]


async def test_a_file_between_the_lanes_is_reported_without_its_path(
    worker: Worker, settings: Settings
) -> None:
    await worker.prepare()
    (Path(settings.spool.dir) / "lanes" / "worker-9").touch()
    got = worker.readiness()

    assert (got.ready, list(got.problems)) == (True, ["lanes"])
    assert settings.spool.dir not in got.problems["lanes"]


async def test_a_failure_of_the_upkeep_ends_the_worker(
    port_settings: Settings,
) -> None:
    # Without upkeep it would never seal segments or load the salts of the next day.
    readings = iter([float(NOON)])
    worker = Worker(
        port_settings, 0, asyncio.get_running_loop(), lambda: next(readings, math.nan)
    )

    with pytest.raises(ValueError, match="NaN"):
        await serve(worker, port_settings, asyncio.Event(), shared=True)

    # The lane is free again.
    Lane.open(
        Spool(Path(port_settings.spool.dir)), "worker-0", port_settings.spool
    ).close()


async def test_salts_are_wiped_even_if_closing_the_spool_fails(
    port_settings: Settings,
) -> None:
    stop = asyncio.Event()
    worker = Worker(port_settings, 0, asyncio.get_running_loop(), lambda: float(NOON))
    serving = asyncio.create_task(serve(worker, port_settings, stop, shared=True))
    got = await asyncio.to_thread(send_when_listening, port_settings.proxy.port)
    before = worker.readiness()
    shutil.rmtree(Path(port_settings.spool.dir) / "lanes")
    stop.set()

    with pytest.raises(SpoolBrokenError):
        await serving

    assert (got.status, before.problems) == (202, {})
    assert "salts" in worker.readiness().problems


def send_when_listening(port: int) -> Answer:
    """Send an event as soon as the worker listens."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, "the worker to listen")
    return ask(port, event())


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
    assert "proxy worker 0: another one runs on" in got.stderr
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


def test_the_demo_serves_its_shop_beside_the_own_routes(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, demo=True) as worker:
        got = {
            path: ask(worker.port, get(path)).status
            for path in (
                "/demo/",
                "/demo/nothing",
                "/demo",
                "/demo/../index.html",
                "/m.js",
            )
        }
        front = ask(worker.port, get("/demo/"))

    assert list(got.values()) == [200, 404, 404, 404, 200]
    assert front.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<html" in front.body


def test_a_stopped_worker_exits_0_and_seals_its_lane(
    tmp_path: Path,
) -> None:
    with WorkerProcess(tmp_path) as worker:
        ask(worker.port, event())

        assert worker.stop() == 0
        worker.start()
        ask(worker.port, event())

        assert worker.stop() == 0
    assert len(worker.spooled.events) == 2
    assert worker.spooled.is_sealed
    assert worker.words == ["geo", "listening"] * 2
