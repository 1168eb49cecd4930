"""Lines of access logs, common and combined, as nginx and Apache write them.

Pure: bytes in, ``LogLine`` or a reason out. A line holds an address; it lives as long
as the line does and is never shown.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import NoReturn

from proxy.client.addresses import parse_address
from proxy.lists import read_groups

# Possessive throughout: garbage of any length is given up in linear time.
_QUOTED = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_LINE = re.compile(
    rb"(?P<first>\S++) (?P<second>\S++) (?:.*? )?"
    rb"\[(?P<at>[^\]]{20,32})\] "
    rb'"(?P<request>%(quoted)s)" (?P<status>\d{3}) (?P<size>\d++|-)'
    # A quote that is opened and not closed is a line that was cut.
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
# The web began in 1990; an earlier time is a clock that was never set.
_EARLIEST_S = 631_152_000
_ASSETS = frozenset[str]().union(*read_groups("assets.txt").values())


class SkipReason(StrEnum):
    """Why a line is no page view; such lines are counted and otherwise ignored."""

    UNREADABLE = "unreadable line"
    TIME = "impossible time"
    REQUEST = "no valid request"
    METHOD = "method is not GET"
    STATUS = "status is not 2xx or 304"
    ASSET = "file, feed or part of a page"


class LogLine:
    """One page view of a log; shows nothing.

    *host* is None where the log does not say; *answer* is its status and size.
    """

    __slots__ = ("address", "agent", "answer", "at", "host", "referrer", "target")

    def __init__(
        self,
        *,
        at: int,
        host: str | None,
        address: str,
        agent: str,
        target: str,
        referrer: str | None,
        answer: str,
    ) -> None:
        self.at = at
        self.host = host
        self.address = address
        self.agent = agent
        self.target = target
        self.referrer = referrer
        self.answer = answer

    def __repr__(self) -> str:
        """Show nothing of the line."""
        return "LogLine(…)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: that would write the address."""
        raise TypeError("a LogLine cannot be pickled")


def parse_line(line: bytes, now_s: float) -> LogLine | SkipReason:
    """Return the page view of *line*, or why it is none.

    A page view is a GET that was answered with 2xx or 304 and does not fetch what
    pages load or programs read: styles, scripts, pictures, feeds, downloads.
    """
    found = _LINE.match(line)
    if found is None:
        return SkipReason.UNREADABLE
    first, second, stamp, asked, status, size, referrer, agent = found.groups()
    at = parse_stamp(stamp)
    if at is None:
        return SkipReason.UNREADABLE
    request = _REQUEST.fullmatch(_text(asked))
    if request is None:
        return SkipReason.REQUEST
    target = request["target"]
    reason = _no_page(request["method"], int(status), target)
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
        agent=_field(agent) or "",
        target=target if target[:1] == "/" else "/" + target,
        referrer=_field(referrer),
        answer=f"{int(status)} {size.decode()}",
    )


def _no_page(method: str, status: int, target: str) -> SkipReason | None:
    if method != "GET":
        return SkipReason.METHOD
    if not (200 <= status < 300 or status == _NOT_MODIFIED):  # noqa: PLR2004 - 2xx
        return SkipReason.STATUS
    name = target.partition("?")[0].rpartition("/")[2]
    if "." in name and name.rpartition(".")[2].lower() in _ASSETS:
        return SkipReason.ASSET
    return None


def _host_and_address(first: bytes, second: bytes) -> tuple[str | None, str]:
    """Return the virtual host, where the line begins with one, and the address."""
    if second != b"-":
        address = second.decode("latin-1")
        if parse_address(address) is not None:
            return first.decode("latin-1"), address
    return None, first.decode("latin-1")


def _text(raw: bytes) -> str:
    """Return *raw* without the escapes of nginx and Apache, UTF-8 or else Latin-1."""
    if b"\\" in raw:
        raw = _ESCAPED.sub(_unescape, raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if len(code) > 1:
        return bytes.fromhex(code[1:].decode())
    return _CONTROLS.get(code, code)


def _field(raw: bytes | None) -> str | None:
    """Return a quoted field; "-" and nothing are no value."""
    return None if raw is None or raw in _NO_VALUE else _text(raw)


@lru_cache(maxsize=64)
def parse_stamp(stamp: bytes) -> int | None:
    """Return ``17/May/2015:10:05:03 +0000`` as UTC seconds; None if it is no time."""
    found = _STAMP.fullmatch(stamp)
    if found is None:
        return None
    day, month, year, hour, minute, second, off_h, off_m = found.groups()
    try:
        offset = timedelta(hours=int(off_h), minutes=int(off_h[:1] + off_m))
        local = datetime(
            int(year),
            _MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            # A leap second is the minute's last.
            59 if second == b"60" else int(second),
            tzinfo=timezone(offset),
        )
        return int(local.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None
