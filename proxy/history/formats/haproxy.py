"""Reads the HTTP logs of HAProxy (``option httplog`` and ``option httpslog``).

The times have no offset. Captured headers have no names, so each is recognised by its
form: an address, a host, a URL, a User-Agent.
"""

import re
from datetime import tzinfo

from proxy.history.formats.combined import decode_text
from proxy.history.hops import read_hops
from proxy.history.log_line import LogLine, SkipReason, parse_request
from proxy.history.times import parse_stamp

_LINE = re.compile(
    rb"(?P<client>(?:[0-9A-Fa-f.:]++|unix:\d+)) \[(?P<at>[^\]]{20,34})\]"
    rb" \S+ \S+ [\d/+-]+ (?P<status>-?\d+) \+?(?P<size>\d+) \S+ \S+ \S{4}"
    rb" [\d/+]+ \d+/\d+(?P<captures>(?: \{[^}]*+\}){0,2}+) \"(?P<request>[^\"]*+)\""
)
_CAPTURES = re.compile(r"\{([^}]*)\}")
_URL = re.compile(r"https?://.*", re.IGNORECASE)
_HOST = re.compile(r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]+(?::\d{1,5})?")
_AGENT = re.compile(r"[A-Za-z][\w.+ -]*/\d.*|Mozilla\b.*", re.DOTALL)


def read_haproxy(line: bytes, zone: tzinfo) -> LogLine | SkipReason:
    """Return the request of *line*, or why there is none; times are in *zone*."""
    match = _LINE.match(line)
    if match is None:
        return SkipReason.UNREADABLE
    at = parse_stamp(match["at"].decode("latin-1"), zone)
    if at is None:
        return SkipReason.UNREADABLE
    request = parse_request(decode_text(match["request"]))
    status = int(match["status"])
    if request is None or status < 0:
        return SkipReason.REQUEST
    captured = _Captured(decode_text(match["captures"]))
    return LogLine(
        at=at,
        hops=_client_hops(match["client"].decode()) + captured.hops,
        agent=captured.agent,
        method=request[0],
        target=request[1],
        status=status,
        size=match["size"].decode(),
        host=captured.host,
        referrer=captured.referrer,
    )


def _client_hops(client: str) -> tuple[str, ...]:
    """Return the address before the port; an IPv6 address has colons itself."""
    return read_hops(client.rpartition(":")[0])


class _Captured:
    """The headers in the braces of a line."""

    def __init__(self, captures: str) -> None:
        self.hops: tuple[str, ...] = ()
        self.host: str | None = None
        self.referrer: str | None = None
        self.agent: str | None = None
        for group in _CAPTURES.findall(captures):
            for value in group.split("|"):
                self._add(value)

    def _add(self, value: str) -> None:
        hops = read_hops(value)
        if hops:
            self.hops = self.hops or hops
        elif _URL.fullmatch(value):
            self.referrer = self.referrer or value
        elif _HOST.fullmatch(value):
            self.host = self.host or value
        elif _AGENT.fullmatch(value):
            self.agent = self.agent or value
