"""Run one proxy worker in this process: the clock, the loop and the signals."""

import asyncio
import signal
import time
from dataclasses import replace

import uvloop

from batcher.prctl import forbid_core_dumps
from config.descriptors import descriptor_limits
from config.settings import Settings
from proxy.demo_site import load_demo
from proxy.descriptors import fit_connections
from proxy.worker import Worker, serve


def run_worker(settings: Settings, number: int, *, demo: bool = False) -> None:
    """Serve as worker *number* until SIGTERM or SIGINT."""
    # A core file would hold addresses and today's salts.
    forbid_core_dumps()
    proxy = fit_connections(settings.proxy, descriptor_limits()[0])
    uvloop.run(_run(replace(settings, proxy=proxy), number, demo=demo))


async def _run(settings: Settings, number: int, *, demo: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for caught in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(caught, stop.set)
    worker = Worker(
        settings,
        number,
        loop,
        time.time,  # noqa: TID251 - the one place where the proxy's clock is chosen
        demo=load_demo() if demo else None,
    )
    await serve(worker, settings, stop)
