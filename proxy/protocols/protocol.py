"""A vendor's protocol: its paths, how it reads requests, and how it answers them.

A protocol only turns bytes into hits, and outcomes into the reply its client expects.
It has no state, knows no site or visitor and never sees cookies. All protocols share
the pipeline that processes the hits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from multidict import MultiMapping, istr

from config.settings import ProxySettings
from proxy.pipeline.credential import parse_key
from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols import encodings
from proxy.transport.problems import ProblemWriter, own_problem

_AUTHORIZATION = istr("Authorization")
# The only headers a protocol may read: others can identify the sender.
_READABLE = frozenset(
    {
        "authorization",
        "origin",
        "posthog-request-timestamp",
        "posthog-sdk-info",
        "referer",
        "sentat",
    }
)
_LARGEST_ID = 10**40
# Below this every whole number is a float of its own.
_EXACT_FLOATS = 2**53
_MOST_EVENTS = ProxySettings().max_events
POST_OR_GET = ("POST", "GET")

# A client's time: epoch seconds or milliseconds, or text such as ISO 8601.
Time = str | float | None

# One entry for each hit; None means that the hit was kept.
Outcomes = Sequence[DropReason | None]


class Reply(msgspec.Struct, frozen=True):
    """A protocol's reply, before it becomes an HTTP response."""

    body: bytes = b""
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "application/json"
    headers: dict[str, str] = {}


class DecodedRequest(NamedTuple):
    """The hits of a request in order, and a function that builds the reply.

    *reply* gets one outcome for each hit. The client gets the reply once every kept hit
    is durable. *protocol* names the actual protocol where several share the path. The
    hits of a trial are neither stored nor counted: the outcome is what would happen.
    """

    hits: Sequence[Hit | Dropped]
    reply: Callable[[Outcomes], Reply]
    protocol: str | None = None
    is_trial: bool = False


class PublicAddress(NamedTuple):
    """Where browsers reach Millpond: *scheme* and *path* are None if unknown."""

    host: str
    scheme: str | None = None
    path: str | None = None


class VendorRequest:
    """The part of a request a protocol may see: no address, cookie or User-Agent."""

    __slots__ = (
        *("__dict__", "_body", "_headers", "_query"),
        *("address", "method", "most_events", "path", "path_parameters"),
    )

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: MultiMapping[str],
        body: bytes,
        path_parameters: tuple[str, ...] = (),
        address: PublicAddress | None = None,
        most_events: int = _MOST_EVENTS,
    ) -> None:
        self.method = method
        self.path = path
        self.path_parameters = path_parameters
        # A protocol checks a batch by ``check_count`` before it reads the members.
        self.most_events = most_events
        # Only for routes with ``names_itself``.
        self.address = address
        self._query = query
        self._headers = headers
        self._body = body

    def __repr__(self) -> str:
        """Show nothing of the request."""
        return "VendorRequest(…)"

    @property
    def body(self) -> bytes:
        """The body; a gzip body is already decompressed."""
        return self._body

    def check_count(self, count: int) -> None:
        """Raise ``MalformedBodyError`` if *count* events are too many."""
        check_event_count(count, self.most_events)

    @cached_property
    def query(self) -> dict[str, str]:
        """The fields of the query."""
        return encodings.parse_fields(self._query)

    @cached_property
    def value(self) -> Any:
        """The JSON value of the body: plain, base64, or a form's ``data`` field."""
        return encodings.decode_form_or_json(self._body)

    def header(self, name: str) -> str | None:
        """Return a header the protocol defines, such as the time of sending.

        Returns None for every header outside ``_READABLE``: it may identify the sender.
        """
        return self._headers.get(name) if name.lower() in _READABLE else None

    @cached_property
    def key(self) -> str | None:
        """The key in a Basic or Bearer ``Authorization`` header."""
        return parse_key(self._headers.get(_AUTHORIZATION, ""))


Reader = Callable[[VendorRequest], DecodedRequest | Reply]


class Route(NamedTuple):
    """A path of a protocol and its reader; ``*`` in *path* matches one segment.

    The path may stand under any prefix. *methods* are the HTTP methods; the proxy
    answers preflight requests for every route. A reply that names our own URL needs
    *names_itself*.
    """

    path: str
    read: Reader
    methods: tuple[str, ...] = ("POST",)
    names_itself: bool = False

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """The pattern of a path with ``*``; its groups become ``path_parameters``."""
        if "*" not in self.path:
            return None
        parts = map(re.escape, self.path.split("*"))
        return re.compile("([^/]+)".join(parts) + "/?$")


class Protocol(NamedTuple):
    """A vendor's protocol: its name in the tables, its routes, and its errors.

    *problem* writes the body of a response that no route could write: to a request that
    is too large, or that the disk did not take.
    """

    name: str
    routes: Sequence[Route]
    problem: ProblemWriter = own_problem


def check_event_count(count: int, most: int) -> None:
    """Raise ``MalformedBodyError`` if *count* is more than *most*."""
    if count > most:
        raise MalformedBodyError(f"more than {most} events in a request")


def json_reply(
    value: object,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply with *value* as JSON."""
    return Reply(msgspec.json.encode(value), status, headers={**(headers or {})})


def refused_hit(key: str | None, reason: DropReason) -> VendorHit | Dropped:
    """Return a hit that is only counted as *reason*, for the site of *key*.

    A hit without a key is malformed, whatever *reason* says.
    """
    if key is None:
        return Dropped(DropReason.MALFORMED)
    return VendorHit(key=key, refused=reason)


def text_of(value: object) -> str | None:
    """Return *value* if it is non-blank text or a whole number, else None.

    Some programs write the number 1001 as 1001.0.
    """
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_FLOATS:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < _LARGEST_ID else None
    return None


def mapping_of(value: object) -> Mapping[str, Any]:
    """Return *value* if it is a JSON object, else an empty mapping."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return *value* if it is a JSON array, else an empty list."""
    return value if isinstance(value, list) else []


def number_of(value: object) -> float | None:
    """Return *value* as a float if it is a number or numeric text, else None."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def time_of(value: object) -> Time:
    """Return a client's time: a number, possibly written as text, or other text."""
    number = number_of(value)
    if number is not None:
        return number
    return value if isinstance(value, str) else None


def url_with_campaign(url: str, campaign: Mapping[str, str]) -> str:
    """Return *url* with *campaign* in its query, if it has no campaign itself."""
    page, mark, fragment = url.partition("#")
    query = page.partition("?")[2]
    if not campaign or "utm_" in query.lower() or "utm_" in fragment.lower():
        return url
    separator = "&" if "?" in page else "?"
    more = urlencode(campaign, errors="replace")
    return f"{page}{separator}{more}{mark}{fragment}"
