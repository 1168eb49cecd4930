"""Listens on the proxy's port for one worker, and stops everything in order."""

import asyncio
import contextlib
import logging

from aiohttp import web

from batcher.supervisor.port import PortError, SharedPortError
from config.logs import log_event
from config.settings import ProxySettings, Settings
from proxy.transport.server import SilentServer, StreamingHandler
from proxy.worker.worker import Worker

_LOG = logging.getLogger("millpond.proxy")
_BACKLOG = 1_024
# Shorter than the supervisor waits before it kills a worker whose connections hang.
_DRAIN_S = 3.0


async def serve(
    worker: Worker, settings: Settings, stop: asyncio.Event, *, shared: bool = False
) -> None:
    """Serve until *stop* is set; then finish open requests and close the worker.

    With *shared*, a supervisor holds the port and its workers share it. Otherwise only
    this worker uses the port.
    """
    try:
        await worker.prepare()
        await _serve(worker, settings, stop, shared=shared)
    finally:
        await worker.close()


async def _serve(
    worker: Worker, settings: Settings, stop: asyncio.Event, *, shared: bool
) -> None:
    proxy = settings.proxy
    runner = web.ServerRunner(_build_server(worker, proxy), shutdown_timeout=_DRAIN_S)
    await runner.setup()
    try:
        site = web.TCPSite(
            runner, proxy.host, proxy.port, reuse_port=shared, backlog=_BACKLOG
        )
        await _listen(site, proxy, SharedPortError if shared else PortError)
        log_event(_LOG, "listening", host=proxy.host, port=proxy.port)
        upkeep = asyncio.create_task(worker.run_upkeep())
        upkeep.add_done_callback(lambda _: stop.set())
        await stop.wait()
        await site.stop()
        upkeep.cancel()
    finally:
        await runner.cleanup()
    # An error that ended the upkeep also ends the worker.
    with contextlib.suppress(asyncio.CancelledError):
        await upkeep


def _build_server(worker: Worker, proxy: ProxySettings) -> SilentServer:
    return SilentServer(
        StreamingHandler(worker.dispatcher, proxy.request_timeout_s),
        dispatcher=worker.dispatcher,
        timeout_s=proxy.request_timeout_s,
        keepalive_s=proxy.keepalive_s,
        max_connections=proxy.max_connections,
    )


async def _listen(
    site: web.TCPSite, proxy: ProxySettings, error_class: type[PortError]
) -> None:
    try:
        await site.start()
    except OSError as error:
        raise error_class("proxy", proxy.host, proxy.port, error) from None
