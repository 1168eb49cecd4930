"""Runs the silent server with any handler in the process of the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from proxy.pipeline.sites import Sites
from proxy.transport.cors import Cors
from proxy.transport.dispatcher import Dispatcher, Methods, Routes
from proxy.transport.server import SilentServer, StreamingHandler

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[Streams]:
    """Serve with *handler*, and yield a connection to the server."""
    server = SilentServer(handler, timeout_s=60, keepalive_s=60, max_connections=9)
    async with connected(server) as streams:
        yield streams


def dispatcher_server(
    methods: Methods, *, timeout_s: float = 60, keepalive_s: float = 60
) -> SilentServer:
    """Return a server whose dispatcher has *methods* at ``/``."""
    routes = Routes({"/": methods})
    dispatcher = Dispatcher(
        routes, cors=Cors(Sites([])), max_body_bytes=1_000, clock=lambda: 0.0
    )
    return SilentServer(
        StreamingHandler(dispatcher, timeout_s),
        dispatcher=dispatcher,
        timeout_s=timeout_s,
        keepalive_s=keepalive_s,
        max_connections=9,
    )


@asynccontextmanager
async def connected(server: SilentServer) -> AsyncIterator[Streams]:
    """Start *server*, and yield a connection to it."""
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await server.shutdown(1)
        listening.close()
