"""Reads the access logs of Amazon S3 and of Amazon's load balancers."""

import re
from datetime import UTC

from proxy.history.formats.combined import decode_field, decode_text
from proxy.history.hops import read_hops
from proxy.history.log_line import LogLine, SkipReason, parse_request
from proxy.history.times import parse_stamp, parse_time

_QUOTED = rb'"([^"]*+)"'
_S3 = re.compile(
    rb"[0-9a-f-]{1,64} (?P<bucket>\S+) \[(?P<at>[^\]]{20,32})\] (?P<client>\S+) \S+ \S+"
    rb" (?P<operation>[A-Z]+\.[A-Z]+\.[A-Z_]+) \S+ (?:-|" + _QUOTED + rb")"
    rb" (?P<status>\d{3}|-) \S+ (?P<size>\S+) \S+ \S+ \S+"
    rb" (?:-|" + _QUOTED + rb") (?:-|" + _QUOTED + rb")(?P<rest>(?: \S+)*+)"
)
# The operations that read an object for a visitor.
_S3_GET = re.compile(rb"(?:REST|WEBSITE)\.GET\.OBJECT")
# The column of the host among those after the User-Agent.
_HOST_COLUMN = 5
_AMAZON = ".amazonaws.com"

_LOAD_BALANCER = re.compile(
    rb"(?:(?:https?|h2|grpcs|wss?) )?+(?P<at>\d{4}-\d\d-\d\dT[\d:.]+Z) \S+"
    rb" (?P<client>\S+) \S+ [\d.-]+ [\d.-]+ [\d.-]+ (?P<status>\d{3}|-) \S+"
    rb" \d+ (?P<size>\d+) " + _QUOTED + rb" " + _QUOTED
)


def read_s3(line: bytes) -> LogLine | SkipReason:
    """Return the request of a server access log of S3, or why there is none."""
    match = _S3.match(line)
    if match is None:
        return SkipReason.UNREADABLE
    request_line, referrer, agent = match[5], match[8], match[9]
    at = parse_stamp(match["at"].decode("latin-1"))
    if at is None:
        return SkipReason.UNREADABLE
    if _S3_GET.fullmatch(match["operation"]) is None:
        return SkipReason.PROGRAM
    request = parse_request(decode_text(request_line or b""))
    if request is None or match["status"] == b"-":
        return SkipReason.REQUEST
    host = _s3_host(match["rest"].decode("latin-1").split())
    bucket = match["bucket"].decode("latin-1")
    return LogLine(
        at=at,
        hops=read_hops(match["client"].decode("latin-1")),
        agent=decode_field(agent) or "",
        method=request[0],
        target=_without_bucket(request[1], bucket, host),
        status=int(match["status"]),
        size=match["size"].decode("latin-1"),
        host=None if host is None or host.endswith(_AMAZON) else host,
        referrer=decode_field(referrer),
    )


def _s3_host(columns: list[str]) -> str | None:
    host = columns[_HOST_COLUMN] if len(columns) > _HOST_COLUMN else "-"
    return None if host == "-" else host.lower()


def _without_bucket(target: str, bucket: str, host: str | None) -> str:
    """Return *target* without the bucket, which precedes the path on Amazon's hosts."""
    if host is not None and (not host.endswith(_AMAZON) or host.startswith(bucket)):
        return target
    prefix = f"/{bucket}/"
    return target.removeprefix(prefix[:-1]) if target.startswith(prefix) else target


def read_load_balancer(line: bytes) -> LogLine | SkipReason:
    """Return the request of a load balancer's log, or why there is none.

    These logs have no referrer.
    """
    match = _LOAD_BALANCER.match(line)
    if match is None:
        return SkipReason.UNREADABLE
    request_line, agent = match[5], match[6]
    at = parse_time(match["at"].decode("latin-1"), UTC)
    if at is None:
        return SkipReason.UNREADABLE
    request = parse_request(decode_text(request_line))
    if request is None or match["status"] == b"-":
        return SkipReason.REQUEST
    return LogLine(
        at=at,
        hops=read_hops(match["client"].decode("latin-1")),
        agent=decode_field(agent) or "",
        method=request[0],
        target=request[1],
        status=int(match["status"]),
        size=match["size"].decode(),
    )
