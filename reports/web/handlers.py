"""Routes of the private server: the overview page and the statistics API.

HTTP only: figures come from the service.
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
    """Return the style sheet of the pages."""
    return files("reports").joinpath("static/style.css").read_text("utf-8")


@routes.get("/")
async def overview(request: web.Request) -> web.Response:
    """Answer with the overview of the site and period in the query string."""
    page = await request.app[SERVICE].show(request.query)
    return web.Response(text=page, content_type="text/html", charset="utf-8")


@routes.get("/style.css")
async def style(request: web.Request) -> web.Response:
    """Answer with the style sheet."""
    text = request.app[STYLE]
    return web.Response(text=text, content_type="text/css", charset="utf-8")


@routes.get("/healthz")
async def health(_request: web.Request) -> web.Response:
    """Answer that this process serves."""
    return json_response(HTTPStatus.OK, {"status": "ok"})


@routes.post("/api/v1/query")
async def query(request: web.Request) -> web.Response:
    """Answer the question in the body."""
    question = decode_body(await _body(request))
    return json_response(HTTPStatus.OK, await request.app[SERVICE].ask(question))


async def _body(request: web.Request) -> bytes:
    """Return the request's body, within its bounds of size, time and encoding."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedRequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body as it is, not compressed"
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
            HTTPStatus.REQUEST_TIMEOUT, f"the body took over {_BODY_S} seconds"
        ) from None
