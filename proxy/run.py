"""Runs one proxy worker in this process: chooses the clock, event loop and signals."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import uvloop

from batcher.spool.lane_files import LaneTakenError
from batcher.supervisor.child import DRAIN
from batcher.supervisor.prctl import forbid_core_dumps
from batcher.supervisor.single_instance import ORPHANS_END_S, AlreadyRunningError
from config.descriptors import descriptor_limits
from config.settings import Settings
from proxy.demo.site import demo_routes
from proxy.transport.descriptors import fit_connections
from proxy.transport.dispatcher import NO_ROUTES
from proxy.worker.listener import Stopping, serve
from proxy.worker.supervision import Supervision
from proxy.worker.worker import Worker

_POLL_S = 0.2


def run_worker(
    settings: Settings, number: int, supervision: Supervision, *, demo: bool = False
) -> None:
    """Serve as worker *number* until SIGTERM or SIGINT.

    SIGUSR1 is the supervisor's signal that a successor has taken over.
    """
    # A core file would contain addresses and today's salts.
    forbid_core_dumps()
    proxy = fit_connections(settings.proxy, descriptor_limits()[0])
    settings = replace(settings, proxy=proxy)
    uvloop.run(_run(settings, number, supervision, demo=demo))


async def _run(
    settings: Settings, number: int, supervision: Supervision, *, demo: bool
) -> None:
    loop = asyncio.get_running_loop()
    stopping = Stopping()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopping.stop.set)
    loop.add_signal_handler(DRAIN, stopping.drain)
    build_worker = partial(
        Worker,
        settings,
        number,
        loop,
        time.time,  # noqa: TID251 - the one place where the proxy's clock is chosen
        more_routes=demo_routes() if demo else NO_ROUTES,
    )
    lanes = supervision.lane_names(number)
    worker = await _open_worker(build_worker, lanes, settings, stopping.stop)
    if worker is not None:
        await serve(worker, settings, stopping, supervision)


async def _open_worker(
    build_worker: Callable[[str], Worker],
    lanes: Sequence[str],
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
        for lane in lanes:
            with contextlib.suppress(LaneTakenError):
                return build_worker(lane)
        if time.monotonic() >= end_s:
            command = f"proxy {lanes[0].replace('-', ' ')}"
            raise AlreadyRunningError(command, Path(settings.spool.dir), "")
        await asyncio.sleep(_POLL_S)
    return None
