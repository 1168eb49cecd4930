"""The peer of the ingest benchmark: aiohttp and uvloop doing nothing but answering."""

import sys

import uvloop
from aiohttp import web


async def take(request: web.Request) -> web.Response:
    """Read the body and answer like the proxy does."""
    await request.read()
    return web.Response(
        status=202,
        body=b'{"accepted":1,"dropped":{}}',
        content_type="application/json",
    )


def main() -> None:
    """Serve on the port given as the first argument."""
    app = web.Application()
    app.router.add_post("/v1/events", take)
    uvloop.install()
    web.run_app(
        app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None
    )


if __name__ == "__main__":
    main()
