"""The routes of the private server: the overview page and the statistics API.

This module handles HTTP only; the figures come from ``Service``.
"""

import asyncio
from http import HTTPStatus
from importlib.resources import files
from typing import Final

from aiohttp import web

from reports.query import MAX_BODY_BYTES, decode_body
from reports.web.responses import RefusedRequestError, json_response
from reports.web.service import Service

SERVICE: Final = web.AppKey("service", Service)
STYLE: Final = web.AppKey("style", str)
_BODY_S: Final = 10

routes = web.RouteTableDef()


def read_style() -> str:
    """Return the style sheet of the page."""
    return files("reports").joinpath("static/style.css").read_text("utf-8")


@routes.get("/")
async def overview(request: web.Request) -> web.Response:
    """Respond with the overview of the site and period in the query string."""
    page = await request.app[SERVICE].render_page(request.query)
    return web.Response(text=page, content_type="text/html", charset="utf-8")


@routes.get("/style.css")
async def style(request: web.Request) -> web.Response:
    """Respond with the style sheet."""
    text = request.app[STYLE]
    return web.Response(text=text, content_type="text/css", charset="utf-8")


@routes.get("/healthz")
async def health(_request: web.Request) -> web.Response:
    """Respond that this process is running."""
    return json_response(HTTPStatus.OK, {"status": "ok"})


@routes.post("/api/v1/query")
async def query(request: web.Request) -> web.Response:
    """Respond with the answer to the query in the body."""
    raw = decode_body(await _read_body(request))
    return json_response(HTTPStatus.OK, await request.app[SERVICE].answer(raw))


@routes.get("/api/v1/received")
async def received(request: web.Request) -> web.Response:
    """Respond with the received hits of the site and period in the query string."""
    counts = await request.app[SERVICE].received(request.query)
    return json_response(HTTPStatus.OK, counts)


async def _read_body(request: web.Request) -> bytes:
    """Return the body; refuse one that is compressed, too large or too slow."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedRequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body without compression"
        )
    too_large = RefusedRequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {MAX_BODY_BYTES:,} bytes",
    )
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large
    try:
        async with asyncio.timeout(_BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except TimeoutError:
        raise RefusedRequestError(
            HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {_BODY_S} seconds"
        ) from None
