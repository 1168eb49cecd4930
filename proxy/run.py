"""Runs one proxy worker in this process: chooses the clock, event loop and signals."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import uvloop

from batcher.spool.lane_files import LaneTakenError
from batcher.supervisor.prctl import forbid_core_dumps
from batcher.supervisor.single_instance import ORPHANS_END_S, AlreadyRunningError
from config.descriptors import descriptor_limits
from config.settings import Settings
from proxy.demo.site import demo_routes
from proxy.transport.descriptors import fit_connections
from proxy.transport.dispatcher import NO_ROUTES
from proxy.worker.listener import serve
from proxy.worker.worker import Worker

_POLL_S = 0.2


def run_worker(
    settings: Settings, number: int, *, demo: bool = False, shared: bool = False
) -> None:
    """Serve as worker *number* until SIGTERM or SIGINT.

    With *shared*, a supervisor holds the port for all of its workers.
    """
    # A core file would contain addresses and today's salts.
    forbid_core_dumps()
    proxy = fit_connections(settings.proxy, descriptor_limits()[0])
    settings = replace(settings, proxy=proxy)
    uvloop.run(_run(settings, number, demo=demo, shared=shared))


async def _run(settings: Settings, number: int, *, demo: bool, shared: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    build_worker = partial(
        Worker,
        settings,
        number,
        loop,
        time.time,  # noqa: TID251 - the one place where the proxy's clock is chosen
        demo_routes() if demo else NO_ROUTES,
    )
    worker = await _open_worker(build_worker, number, settings, stop)
    if worker is not None:
        await serve(worker, settings, stop, shared=shared)


async def _open_worker(
    build_worker: Callable[[], Worker],
    number: int,
    settings: Settings,
    stop: asyncio.Event,
) -> Worker | None:
    """Return the worker once its lane is free; None if *stop* is set before.

    A worker whose supervisor was killed soon ends by itself and frees its lane. A lane
    that stays taken belongs to another proxy on this spool, and a restart would not
    help.
    """
    end_s = time.monotonic() + ORPHANS_END_S
    while not stop.is_set():
        try:
            return build_worker()
        except LaneTakenError:
            if time.monotonic() >= end_s:
                directory = Path(settings.spool.dir)
                command = f"proxy worker {number}"
                raise AlreadyRunningError(command, directory, "") from None
        await asyncio.sleep(_POLL_S)
    return None
