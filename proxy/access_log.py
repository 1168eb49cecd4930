"""Lines of access logs, common and combined, as nginx and Apache write them.

Pure: bytes in, ``LogLine`` or a reason out. A line holds an address; it lives as long
as the line does and is never shown.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache

_LINE = re.compile(
    rb"(?P<address>\S+) \S+ .*?\[(?P<at>[^\]]{20,32})\] "
    rb'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?:\d+|-)'
    rb'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<target>\S+)(?: HTTP/[\d.]+)?")
_STAMP = re.compile(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"
)
_ESCAPED = re.compile(r'\\(["\\])')
_MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_NOT_MODIFIED = 304
# What a page loads, or a program reads: never a page view.
_ASSETS = frozenset(
    [
        "7z",
        "apk",
        "atom",
        "avi",
        "avif",
        "bin",
        "bmp",
        "bz2",
        "css",
        "csv",
        "dmg",
        "doc",
        "docx",
        "eot",
        "exe",
        "flv",
        "gif",
        "gz",
        "ico",
        "iso",
        "jar",
        "jpeg",
        "jpg",
        "js",
        "json",
        "map",
        "md5",
        "mid",
        "mjs",
        "mov",
        "mp3",
        "mp4",
        "mpeg",
        "mpg",
        "msi",
        "ogg",
        "ogv",
        "otf",
        "pdf",
        "png",
        "ppt",
        "pptx",
        "rar",
        "rdf",
        "rss",
        "sha256",
        "sig",
        "svg",
        "svgz",
        "swf",
        "tar",
        "tgz",
        "tif",
        "tiff",
        "ttf",
        "txt",
        "wasm",
        "wav",
        "webm",
        "webmanifest",
        "webp",
        "woff",
        "woff2",
        "xls",
        "xlsx",
        "xml",
        "xz",
        "zip",
    ]
)


class Skipped(StrEnum):
    """Why a line is no page view; such lines are counted and otherwise ignored."""

    MALFORMED = "malformed"
    METHOD = "method"
    STATUS = "status"
    ASSET = "asset"


class LogLine:
    """One page view of a log; shows nothing."""

    __slots__ = ("address", "agent", "at", "referrer", "target")

    def __init__(
        self,
        *,
        at: int,
        address: str,
        agent: str,
        target: str,
        referrer: str | None,
    ) -> None:
        self.at = at
        self.address = address
        self.agent = agent
        self.target = target
        self.referrer = referrer

    def __repr__(self) -> str:
        """Show nothing of the line."""
        return "LogLine(…)"


def parse_line(line: bytes) -> LogLine | Skipped:
    """Return the page view of *line*, or why it is none.

    A page view is a GET that was answered with 2xx or 304 and does not fetch what
    pages load or programs read: styles, scripts, pictures, feeds, downloads.
    """
    found = _LINE.match(line)
    if found is None:
        return Skipped.MALFORMED
    at = parse_stamp(_text(found["at"]))
    request = _REQUEST.fullmatch(_text(found["request"]))
    if at is None or request is None:
        return Skipped.MALFORMED
    reason = _no_page(request["method"], int(found["status"]), request["target"])
    if reason is not None:
        return reason
    return LogLine(
        at=at,
        address=_text(found["address"]),
        agent=_field(found["agent"]) or "",
        target=_path(request["target"]),
        referrer=_field(found["referrer"]),
    )


def _no_page(method: str, status: int, target: str) -> Skipped | None:
    if method != "GET":
        return Skipped.METHOD
    if not (200 <= status < 300 or status == _NOT_MODIFIED):  # noqa: PLR2004 - 2xx
        return Skipped.STATUS
    name = target.partition("?")[0].rpartition("/")[2]
    if name.rpartition(".")[2].lower() in _ASSETS and "." in name:
        return Skipped.ASSET
    return None


def _path(target: str) -> str:
    """Return the path and query of an origin-form or absolute-form target."""
    scheme, mark, rest = target.partition("://")
    if mark and scheme.isalpha():
        return "/" + rest.partition("/")[2]
    return target if target.startswith("/") else "/" + target


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _field(raw: bytes | None) -> str | None:
    """Return a quoted field; "-" and nothing are no value."""
    if raw is None or raw in (b"-", b""):
        return None
    return _ESCAPED.sub(r"\1", _text(raw))


@lru_cache(maxsize=64)
def parse_stamp(stamp: str) -> int | None:
    """Return ``17/May/2015:10:05:03 +0000`` as UTC seconds; None if it is no time."""
    found = _STAMP.fullmatch(stamp)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, off_h, off_m = found.groups()
    offset = timedelta(hours=int(off_h), minutes=int(off_m))
    try:
        zone = timezone(offset if sign == "+" else -offset)
        local = datetime(
            int(year),
            _MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),  # a leap second is the minute's last
            tzinfo=zone,
        )
    except ValueError:
        return None
    return int(local.astimezone(UTC).timestamp())
