"""What a vendor's protocol is: paths, and how a request there is read and answered.

A protocol turns bytes into hits and outcomes into the answer its client expects,
nothing more. It keeps nothing, knows no site and no visitor, and never sees cookies:
the chain behind it is the one all protocols share.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from multidict import MultiMapping, istr

from proxy.pipeline.credential import parse_key
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols import encodings

_AUTHORIZATION = istr("Authorization")
# What a protocol may read; it is not to know who sent a request.
_READABLE = frozenset(
    {
        "authorization",
        "host",
        "origin",
        "posthog-request-timestamp",
        "posthog-sdk-info",
        "referer",
        "sentat",
    }
)
_LARGEST_ID = 10**40
_ROUTE = re.compile("!?(/[^?]*)")
POST_OR_GET = ("POST", "GET")

# None is a hit that was kept.
Outcomes = Sequence[DropReason | None]


class Reply(msgspec.Struct, frozen=True):
    """What a client is answered, before it is put in bytes."""

    body: bytes = b""
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "application/json"
    headers: dict[str, str] = {}


class DecodedRequest(NamedTuple):
    """The hits of a request in their order, and the reply to what became of them.

    The reply is given when every kept hit is durable; *outcomes* has one entry a hit.
    *protocol* is whose they turned out to be, where the path is of several.
    """

    hits: Sequence[Hit | Dropped]
    reply: Callable[[Outcomes], Reply]
    protocol: str | None = None


class VendorRequest:
    """One request as a protocol may see it: no address, no cookie, no User-Agent."""

    __slots__ = ("__dict__", "_body", "_headers", "_query", "method", "named", "path")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: MultiMapping[str],
        body: bytes,
        named: tuple[str, ...] = (),
    ) -> None:
        self.method = method
        self.path = path
        self.named = named
        self._query = query
        self._headers = headers
        self._body = body

    def __repr__(self) -> str:
        """Show nothing of the request."""
        return "VendorRequest(…)"

    @property
    def body(self) -> bytes:
        """The body, unpacked where it came as gzip."""
        return self._body

    @cached_property
    def query(self) -> dict[str, str]:
        """The fields of the query."""
        return encodings.fields(self._query)

    @cached_property
    def value(self) -> Any:
        """The JSON value of the body: plain, base64, or ``data`` of a form."""
        return encodings.form_or_json(self._body)

    def header(self, name: str) -> str | None:
        """Return a header that is the protocol's own, such as a time of sending.

        All that are not known to be such are not there: one may say who sent it.
        """
        return self._headers.get(name) if name.lower() in _READABLE else None

    @cached_property
    def key(self) -> str | None:
        """The key of a Basic or Bearer header, where vendors' clients put it."""
        return parse_key(self._headers.get(_AUTHORIZATION, ""))


Reader = Callable[[VendorRequest], DecodedRequest | Reply]


class Route(NamedTuple):
    """What a protocol reads at *path*, under any prefix; ``*`` is any one segment.

    *methods* name the HTTP methods; preflights are answered for all.
    """

    path: str
    read: Reader
    methods: tuple[str, ...] = ("POST",)

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """The pattern of a path with a star; its segments become ``named``."""
        if "*" not in self.path:
            return None
        parts = map(re.escape, self.path.split("*"))
        return re.compile("([^/]+)".join(parts) + "/?$")


class Protocol(NamedTuple):
    """A vendor's protocol: its name in the tables, and what it reads where."""

    name: str
    routes: Sequence[Route]


def check_number(count: int, most: int) -> None:
    """Raise ``MalformedBodyError`` where a request holds more than *most* events."""
    if count > most:
        raise MalformedBodyError(f"more than {most} events in a request")


def json_reply(
    value: object,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return *value* as a reply in JSON."""
    return Reply(msgspec.json.encode(value), status, headers={**(headers or {})})


def refused_hit(key: str | None, reason: DropReason) -> VendorHit | Dropped:
    """Return a hit that is only counted, under the site of *key*.

    One that names no site cannot be read, whatever else it is.
    """
    if key is None:
        return Dropped(DropReason.MALFORMED)
    return VendorHit(key=key, refused=reason)


def text_of(value: object) -> str | None:
    """Return *value* where it is a text that says something, or a whole number."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < _LARGEST_ID else None
    return None


def mapping_of(value: object) -> Mapping[str, Any]:
    """Return *value* where it is an object of JSON, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return *value* where it is an array of JSON, else an empty one."""
    return value if isinstance(value, list) else []


def number_of(value: object) -> float | None:
    """Return *value* as a float where it is a number, of JSON or in a text."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def routed(url: str) -> str:
    """Return *url* with the route in its fragment put behind its path.

    A route is ``#/cart`` or ``#!/cart``, without its query; any other fragment goes,
    for it can hold secrets. The tag does the same where a page asks for it.
    """
    page, _, fragment = url.partition("#")
    route = _ROUTE.match(fragment)
    if route is None:
        return page
    path, mark, query = page.partition("?")
    return f"{path.removesuffix('/')}{route[1]}{mark}{query}"
