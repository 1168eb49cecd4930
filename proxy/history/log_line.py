"""One line of an access log, in any format, and whether it is a page view.

A reader of a format returns a ``LogLine`` or a ``SkipReason``. A ``LogLine`` holds the
visitor's address and never shows it.
"""

import re
from enum import StrEnum
from typing import NoReturn

from proxy.history.page_paths import is_asset, is_program_call

_REQUEST = re.compile(r"(?P<method>[A-Za-z]+) (?P<target>\S.*?)(?: HTTP/[\d.]+)?")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE)
_NOT_MODIFIED = 304
# The web started in 1990; an earlier time comes from a clock that was never set.
_EARLIEST_S = 631_152_000


class SkipReason(StrEnum):
    """The reason why a line is not imported; such lines are only counted.

    The last two are those of page views.
    """

    UNREADABLE = "unreadable line"
    OTHER = "header or line of another log"
    TIME = "impossible time"
    REQUEST = "no valid request"
    METHOD = "method is not GET"
    STATUS = "status is not 2xx or 304"
    ASSET = "file, feed or part of a page"
    PROGRAM = "call by a program: tracker, image service, health check"
    PERIOD = "on days outside --since and --until"
    MEASURED = "on days that are measured already"


class LogLine:
    """One request of a log; its repr shows nothing.

    *hops* are the addresses of the client and its proxies as text, the nearest first.
    *host* is None if the log does not contain it, and *agent* if the log's format has
    no User-Agent; an empty *agent* was sent empty or not at all.
    """

    __slots__ = (
        "agent",
        "at",
        "hops",
        "host",
        "method",
        "referrer",
        "size",
        "status",
        "target",
    )

    def __init__(
        self,
        *,
        at: int,
        hops: tuple[str, ...],
        agent: str | None,
        method: str,
        target: str,
        status: int,
        size: str,
        host: str | None = None,
        referrer: str | None = None,
    ) -> None:
        self.at = at
        self.hops = hops
        self.agent = agent
        self.method = method
        self.status = status
        self.size = size
        self.referrer = referrer
        absolute = None if target[:1] == "/" else _ABSOLUTE.fullmatch(target)
        if absolute is not None:
            host, target = absolute.groups()
        self.host = host
        self.target = target if target[:1] == "/" else "/" + target

    @property
    def response(self) -> str:
        """Return the status and size of the response."""
        return f"{self.status} {self.size}"

    def __repr__(self) -> str:
        """Show nothing of the line."""
        return "LogLine(…)"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, because it would write the address."""
        raise TypeError("a LogLine cannot be pickled")


def parse_request(request: str) -> tuple[str, str] | None:
    """Return method and target of a request line, None if it is not valid."""
    match = _REQUEST.fullmatch(request)
    return None if match is None else (match["method"], match["target"])


def skip_reason(line: LogLine, now_s: float) -> SkipReason | None:
    """Return why *line* is not a page view, None if it is one.

    A page view is a GET request with status 2xx or 304, except for files that pages
    load or programs read (styles, scripts, images, feeds, downloads), and for the
    requests of programs (trackers, image services, health checks).
    """
    if line.method != "GET":
        return SkipReason.METHOD
    status = line.status
    if not (200 <= status < 300 or status == _NOT_MODIFIED):  # noqa: PLR2004 - 2xx
        return SkipReason.STATUS
    if is_asset(line.target):
        return SkipReason.ASSET
    if is_program_call(line.target):
        return SkipReason.PROGRAM
    if not _EARLIEST_S <= line.at <= now_s:
        return SkipReason.TIME
    return None
