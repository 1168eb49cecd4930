"""The sample shop that `millpond demo` measures: static files, loaded once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from proxy.transport.dispatcher import Routes
from proxy.transport.request import Request
from proxy.transport.response import Response

_FOLDER = Path(__file__).with_name("static")
_PATH = re.compile(r"/demo/([^/]*)$")
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file of the sample shop, with its content type."""

    content_type: str
    body: bytes


def load_demo() -> Mapping[str, SampleFile]:
    """Return the sample shop's files by name; the empty name is the front page."""
    pages = {
        file.name: SampleFile(_CONTENT_TYPES[file.suffix], file.read_bytes())
        for file in sorted(_FOLDER.iterdir())
    }
    return pages | {"": pages["index.html"]}


def demo_page(pages: Mapping[str, SampleFile], name: str) -> SampleFile | None:
    """Return the file *name* of the sample shop, None if there is none.

    The guide changes the address to guide-….html without loading a page. A request for
    such an address gets the guide itself.
    """
    if name.startswith("guide-") and name.endswith(".html"):
        name = "guide.html"
    return pages.get(name)


def demo_routes() -> Routes:
    """Return the sample shop's routes, which a worker adds to its own."""
    pages = load_demo()

    def answer(request: Request) -> Response:
        page = demo_page(pages, request.path.rpartition("/")[2])
        if page is None:
            return Response(HTTPStatus.NOT_FOUND)
        return Response(HTTPStatus.OK, page.body, {"Content-Type": page.content_type})

    return Routes({}, [(_PATH, {"GET": answer})])
