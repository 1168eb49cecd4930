"""Reads the logs of Nginx Proxy Manager, for proxied and for other hosts."""

import re

from proxy.history.formats.combined import decode_field, decode_text
from proxy.history.hops import read_hops
from proxy.history.log_line import LogLine, SkipReason
from proxy.history.times import parse_stamp

_QUOTED = rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
# Proxied hosts have the status of the cache and of the server before the status.
_LINE = re.compile(
    rb"\[(?P<at>[^\]]{20,32})\] (?:[^\[\"]{1,200}? )?(?P<status>\d{3}) -"
    rb" (?P<method>\S+) \S+ (?P<host>\S+) " + _QUOTED + rb" \[Client (?P<client>[^\]]+)"
    rb"\] \[Length (?P<size>[^\]]+)\] \[Gzip [^\]]+\] (?:\[Sent-to [^\]]+\] )?"
    + _QUOTED
    + rb" "
    + _QUOTED,
    re.DOTALL,
)


def read_npm(line: bytes) -> LogLine | SkipReason:
    """Return the request of *line*, or why there is none."""
    match = _LINE.match(line)
    if match is None:
        return SkipReason.UNREADABLE
    at = parse_stamp(match["at"].decode("latin-1"))
    if at is None:
        return SkipReason.UNREADABLE
    target = decode_text(match[5])
    method = match["method"].decode("latin-1")
    if not method.isalpha() or not target:
        return SkipReason.REQUEST
    return LogLine(
        at=at,
        hops=read_hops(match["client"].decode("latin-1")),
        agent=decode_field(match[8]) or "",
        method=method,
        target=target,
        status=int(match["status"]),
        size=match["size"].decode("latin-1"),
        host=match["host"].decode("latin-1"),
        referrer=decode_field(match[9]),
    )
