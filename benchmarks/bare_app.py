"""The bare server of the ingest benchmark: aiohttp and uvloop without any work."""

import sys

import uvloop
from aiohttp import web


async def accept_event(request: web.Request) -> web.Response:
    """Read the body and respond as the proxy does."""
    await request.read()
    return web.Response(
        status=202,
        body=b'{"accepted":1,"dropped":{}}',
        content_type="application/json",
    )


def main() -> None:
    """Serve on the port given as the first argument."""
    app = web.Application()
    app.router.add_post("/v1/events", accept_event)
    uvloop.install()
    web.run_app(
        app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None
    )


if __name__ == "__main__":
    main()
