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
_HOST = re.compile(
    r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]+(?::\d{1,5})?|(?:\d+\.){3}\d+:\d+"
)
_PORT = re.compile(r"\d\.\d+:\d")
_AGENT = re.compile(r"[A-Za-z][\w.+ -]*/\d.*|Mozilla\b.*", re.DOTALL)


class HaproxyReader:
    """Reads the lines of one file; times are in *zone*.

    Which capture holds the User-Agent shows once one is seen there. From then on it was
    not sent if that capture is empty; before, it counts as not logged.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._agent_column: int | None = None

    def read(self, line: bytes) -> LogLine | SkipReason:
        """Return the request of *line*, or why there is none."""
        match = _LINE.match(line)
        if match is None:
            return SkipReason.UNREADABLE
        at = parse_stamp(match["at"].decode("latin-1"), self._zone)
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
            agent=self._agent(captured),
            method=request[0],
            target=request[1],
            status=status,
            size=match["size"].decode(),
            host=captured.host,
            referrer=captured.referrer,
        )

    def _agent(self, captured: "_Captured") -> str | None:
        if captured.agent is not None:
            self._agent_column = captured.agent_column
            return captured.agent
        is_logged = self._agent_column in captured.empty_columns
        return "" if is_logged else None


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
        self.agent_column: int | None = None
        self.empty_columns: set[int] = set()
        groups = _CAPTURES.findall(captures)
        values = "|".join(groups).split("|") if groups else []
        for column, value in enumerate(values):
            self._add(column, value)

    def _add(self, column: int, value: str) -> None:
        # An address with a port is a host; proxies report addresses without one.
        hops = () if _PORT.search(value) else read_hops(value)
        if not value:
            self.empty_columns.add(column)
        elif hops:
            self.hops = self.hops or hops
        elif _URL.fullmatch(value):
            self.referrer = self.referrer or value
        elif _HOST.fullmatch(value):
            self.host = self.host or value
        elif self.agent is None and _AGENT.fullmatch(value):
            self.agent, self.agent_column = value, column
