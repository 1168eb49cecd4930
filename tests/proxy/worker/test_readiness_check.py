"""A worker is ready when it can store events, and it reports its problems."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from batcher.schedule.job_state import write_job_states
from config.settings import PrivacySettings, Settings
from proxy.worker.worker import Worker
from tests.proxy.client.mmdb_files import flat, write_mmdb
from tests.proxy.pipeline.pipeline_setup import NOON
from tests.proxy.transport.raw_http import RawResponse, ask, event, get
from tests.proxy.worker_process import WorkerProcess
from tests.wrong_clock import wrong_clock
from warehouse.job_states import JobState, job_state_path

LONG_AGO = 1_600_000_000.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker in its own process."""
    with WorkerProcess(tmp_path_factory.mktemp("worker")) as worker:
        yield worker


def get_readiness(worker: WorkerProcess) -> RawResponse:
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
