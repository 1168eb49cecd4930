"""A worker starts, serves and stops in order."""

import asyncio
import math
import shutil
from pathlib import Path

import pytest

from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.spool import Spool
from config.settings import Settings
from proxy.worker.listener import Stopping, serve
from proxy.worker.supervision import Supervision
from proxy.worker.worker import Worker
from tests.proxy.pipeline.pipeline_setup import NOON
from tests.proxy.transport.raw_http import RawResponse, ask, event, get
from tests.proxy.worker.listening import wait_until_listening
from tests.proxy.worker_process import WorkerProcess

SUPERVISED = Supervision(is_supervised=True)


async def test_a_failure_of_the_upkeep_ends_the_worker(
    port_settings: Settings,
) -> None:
    # Without upkeep it would never seal segments or load the salts of the next day.
    readings = iter([float(NOON)])
    worker = Worker(
        port_settings, 0, asyncio.get_running_loop(), lambda: next(readings, math.nan)
    )

    with pytest.raises(ValueError, match="NaN"):
        await serve(worker, port_settings, Stopping(), SUPERVISED)

    # The lane is free again.
    Lane.open(
        Spool(Path(port_settings.spool.dir)), "worker-0", port_settings.spool
    ).close()


async def test_salts_are_wiped_even_if_closing_the_spool_fails(
    port_settings: Settings,
) -> None:
    stopping = Stopping()
    worker = Worker(port_settings, 0, asyncio.get_running_loop(), lambda: float(NOON))
    serving = asyncio.create_task(serve(worker, port_settings, stopping, SUPERVISED))
    got = await asyncio.to_thread(send_when_listening, port_settings.proxy.port)
    before = worker.readiness()
    shutil.rmtree(Path(port_settings.spool.dir) / "lanes")
    stopping.stop.set()

    with pytest.raises(SpoolBrokenError):
        await serving

    assert (got.status, before.problems) == (202, {})
    assert "salts" in worker.readiness().problems


def send_when_listening(port: int) -> RawResponse:
    """Send an event as soon as the worker listens."""
    wait_until_listening(port)
    return ask(port, event())


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
