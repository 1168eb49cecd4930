"""Listens on the proxy's port for one worker, and stops everything in order."""

import asyncio
import contextlib
import logging

from aiohttp import web

from batcher.supervisor.port import PortError, SharedPortError
from config.logs import log_event
from config.settings import ProxySettings, Settings
from proxy.transport.server import SilentServer, StreamingHandler
from proxy.worker.supervision import Supervision
from proxy.worker.worker import Worker

_LOG = logging.getLogger("millpond.proxy")
_BACKLOG = 1_024
# Shorter than the supervisor waits before it kills a worker whose connections hang.
_DRAIN_S = 3.0
# How long a replaced worker answers on connections that are already open. Together with
# the time above this is shorter than the supervisor waits.
_QUIET_S = 5.0
_POLL_S = 0.05
_ALONE = Supervision()


class Stopping:
    """The wish to stop: at once, or after the connections of this worker are done."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.is_draining = asyncio.Event()

    def drain(self) -> None:
        """Stop listening; a successor has the port. Stop once no connection is open."""
        self.is_draining.set()

    async def wait(self) -> None:
        """Return once either is wished."""
        waits = [
            asyncio.ensure_future(event.wait())
            for event in (self.stop, self.is_draining)
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def serve(
    worker: Worker,
    settings: Settings,
    stopping: Stopping,
    supervision: Supervision = _ALONE,
) -> None:
    """Serve until *stopping*; then finish open requests and close the worker.

    With *supervision*, a supervisor holds the port and its workers share it. Otherwise
    only this worker uses the port.
    """
    try:
        await worker.prepare()
        await _serve(worker, settings, stopping, supervision)
    finally:
        await worker.close()


async def _serve(
    worker: Worker, settings: Settings, stopping: Stopping, supervision: Supervision
) -> None:
    proxy = settings.proxy
    server = _build_server(worker, proxy)
    runner = web.ServerRunner(server, shutdown_timeout=_DRAIN_S)
    await runner.setup()
    try:
        sites = await _listen(runner, proxy, supervision)
        log_event(_LOG, "listening", host=proxy.host, port=proxy.port)
        upkeep = asyncio.create_task(worker.run_upkeep())
        upkeep.add_done_callback(lambda _: stopping.stop.set())
        ready = asyncio.create_task(_report_ready(worker, supervision))
        await stopping.wait()
        ready.cancel()
        for site in sites:
            await site.stop()
        if not stopping.stop.is_set():
            worker.dispatcher.is_draining = True
            await _finish_connections(server, stopping.stop)
        upkeep.cancel()
    finally:
        await runner.cleanup()
    # An error that ended the upkeep also ends the worker.
    with contextlib.suppress(asyncio.CancelledError):
        await upkeep


async def _report_ready(worker: Worker, supervision: Supervision) -> None:
    """Tell the supervisor as soon as /readyz of this worker says 200."""
    if supervision.ready is None:
        return
    # Readiness depends on the disk and the salts, which send no event.
    while not worker.readiness().ready:  # noqa: ASYNC110 - as above
        await asyncio.sleep(_POLL_S)
    supervision.report_ready()


async def _finish_connections(server: SilentServer, stop: asyncio.Event) -> None:
    """Wait until no connection is open, for a limited time, or until *stop*.

    Each response now closes its connection. A connection that was idle all the time is
    closed after that: no request of it is waiting.
    """
    # A connection that was accepted just now is not in the list yet.
    await asyncio.sleep(_POLL_S)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_QUIET_S):
            # aiohttp has no event for this.
            while server.connections and not stop.is_set():  # noqa: ASYNC110 - as above
                await asyncio.sleep(_POLL_S)


def _build_server(worker: Worker, proxy: ProxySettings) -> SilentServer:
    return SilentServer(
        StreamingHandler(worker.dispatcher, proxy.request_timeout_s),
        dispatcher=worker.dispatcher,
        timeout_s=proxy.request_timeout_s,
        keepalive_s=proxy.keepalive_s,
        max_connections=proxy.max_connections,
    )


async def _listen(
    runner: web.ServerRunner, proxy: ProxySettings, supervision: Supervision
) -> list[web.BaseSite]:
    """Listen on the sockets of the supervisor, or on the worker's own."""
    sockets = supervision.sockets()
    sites: list[web.BaseSite] = [
        web.SockSite(runner, passed, backlog=_BACKLOG) for passed in sockets
    ] or [
        web.TCPSite(
            runner,
            proxy.host,
            proxy.port,
            reuse_port=supervision.is_supervised,
            backlog=_BACKLOG,
        )
    ]
    error_class = SharedPortError if supervision.is_supervised else PortError
    try:
        for site in sites:
            await site.start()
    except OSError as error:
        raise error_class("proxy", proxy.host, proxy.port, error) from None
    return sites
