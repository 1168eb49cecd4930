"""Parses lines of access logs in the common and combined formats of nginx and Apache.

Pure functions: bytes in, ``LogLine`` or a reason out. A ``LogLine`` holds the visitor's
address and never shows it.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import NoReturn

from proxy.client.addresses import parse_address
from proxy.lists import read_groups

# All quantifiers are possessive, so that garbage of any length fails in linear time.
_QUOTED = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_LINE = re.compile(
    rb"(?P<first>\S++) (?P<second>\S++) (?:.*? )?"
    rb"\[(?P<at>[^\]]{20,32})\] "
    rb'"(?P<request>%(quoted)s)" (?P<status>\d{3}) (?P<size>\d++|-)'
    # An opening quote without a closing quote means that the line was truncated.
    rb'(?: "(?P<referrer>%(quoted)s)" "(?P<agent>%(quoted)s)"|(?! "))'
    % {b"quoted": _QUOTED},
    re.DOTALL,
)
_REQUEST = re.compile(r"(?P<method>[A-Za-z]+) (?P<target>\S.*?)(?: HTTP/[\d.]+)?")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE)
_STAMP = re.compile(
    rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)"
)
_ESCAPED = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"b": b"\b"}
_MONTHS = (
    *(b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun"),
    *(b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"),
)
_NO_VALUE = (None, b"-", b"")
_NOT_MODIFIED = 304
# The web started in 1990; an earlier time comes from a clock that was never set.
_EARLIEST_S = 631_152_000
_ASSETS = frozenset[str]().union(*read_groups("assets.txt").values())


class SkipReason(StrEnum):
    """The reason why a line is not a page view; such lines are only counted."""

    UNREADABLE = "unreadable line"
    TIME = "impossible time"
    REQUEST = "no valid request"
    METHOD = "method is not GET"
    STATUS = "status is not 2xx or 304"
    ASSET = "file, feed or part of a page"


class LogLine:
    """One page view of a log; its repr shows nothing.

    *host* is None if the log does not contain it. *response* is status and size.
    """

    __slots__ = ("address", "agent", "at", "host", "referrer", "response", "target")

    def __init__(
        self,
        *,
        at: int,
        host: str | None,
        address: str,
        agent: str,
        target: str,
        referrer: str | None,
        response: str,
    ) -> None:
        self.at = at
        self.host = host
        self.address = address
        self.agent = agent
        self.target = target
        self.referrer = referrer
        self.response = response

    def __repr__(self) -> str:
        """Show nothing of the line."""
        return "LogLine(…)"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, because it would write the address."""
        raise TypeError("a LogLine cannot be pickled")


def parse_line(line: bytes, now_s: float) -> LogLine | SkipReason:
    """Return the page view of *line*, or the reason why it is not a page view.

    A page view is a GET request with status 2xx or 304, except for files that pages
    load or programs read: styles, scripts, images, feeds and downloads.
    """
    match = _LINE.match(line)
    if match is None:
        return SkipReason.UNREADABLE
    first, second, stamp, request_line, status, size, referrer, agent = match.groups()
    at = parse_stamp(stamp)
    if at is None:
        return SkipReason.UNREADABLE
    request = _REQUEST.fullmatch(_decode_text(request_line))
    if request is None:
        return SkipReason.REQUEST
    target = request["target"]
    reason = _skip_reason(request["method"], int(status), target)
    if reason is not None:
        return reason
    if not _EARLIEST_S <= at <= now_s:
        return SkipReason.TIME
    host, address = _host_and_address(first, second)
    absolute = None if target[0] == "/" else _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        host, target = absolute.groups()
    return LogLine(
        at=at,
        host=host,
        address=address,
        agent=_decode_field(agent) or "",
        target=target if target[:1] == "/" else "/" + target,
        referrer=_decode_field(referrer),
        response=f"{int(status)} {size.decode()}",
    )


def _skip_reason(method: str, status: int, target: str) -> SkipReason | None:
    if method != "GET":
        return SkipReason.METHOD
    if not (200 <= status < 300 or status == _NOT_MODIFIED):  # noqa: PLR2004 - 2xx
        return SkipReason.STATUS
    name = target.partition("?")[0].rpartition("/")[2]
    if "." in name and name.rpartition(".")[2].lower() in _ASSETS:
        return SkipReason.ASSET
    return None


def _host_and_address(first: bytes, second: bytes) -> tuple[str | None, str]:
    """Return the virtual host if the line starts with one, and the address."""
    if second != b"-":
        address = second.decode("latin-1")
        if parse_address(address) is not None:
            return first.decode("latin-1"), address
    return None, first.decode("latin-1")


def _decode_text(raw: bytes) -> str:
    """Return *raw* without nginx's and Apache's escapes, as UTF-8 or else Latin-1."""
    if b"\\" in raw:
        raw = _ESCAPED.sub(_unescape, raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if len(code) > 1:
        return bytes.fromhex(code[1:].decode())
    return _CONTROLS.get(code, code)


def _decode_field(raw: bytes | None) -> str | None:
    """Return a quoted field; None if it is "-" or empty."""
    return None if raw is None or raw in _NO_VALUE else _decode_text(raw)


@lru_cache(maxsize=64)
def parse_stamp(stamp: bytes) -> int | None:
    """Return ``17/May/2015:10:05:03 +0000`` as UTC seconds, None if it is invalid."""
    match = _STAMP.fullmatch(stamp)
    if match is None:
        return None
    day, month, year, hour, minute, second, off_h, off_m = match.groups()
    try:
        offset = timedelta(hours=int(off_h), minutes=int(off_h[:1] + off_m))
        local = datetime(
            int(year),
            _MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            # A leap second counts as the minute's last second.
            59 if second == b"60" else int(second),
            tzinfo=timezone(offset),
        )
        return int(local.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None
