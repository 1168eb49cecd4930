"""Reads the common and combined formats of nginx and Apache, and their variations.

A virtual host may precede or follow the address, and more fields may follow, among them
the addresses of ``X-Forwarded-For``.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from proxy.history.hops import read_hops
from proxy.history.log_line import LogLine, SkipReason, parse_request
from proxy.history.times import parse_stamp

# All quantifiers are possessive, so that garbage of any length fails in linear time.
_QUOTED = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_LINE = re.compile(
    rb"(?P<client>\S.*?) \[(?P<at>[^\]]{20,32})\] "
    rb'"(?P<request>%(quoted)s)" (?P<status>\d{3}|-) (?P<size>\d++|-)'
    # An opening quote without a closing quote means that the line was truncated.
    rb'(?: "(?P<referrer>%(quoted)s)" "(?P<agent>%(quoted)s)"|(?! "))'
    % {b"quoted": _QUOTED},
    re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"b": b"\b"}
_NO_VALUE = (None, b"-", b"")

# The fields before the time; a list of addresses with blanks is one field.
_FIELD = re.compile(r'[ \t]*+(?:"([^"]*+)"|((?:[^\s",]++,[ \t]*+)*+[^\s"]++))')
_MAX_FIELDS = 4
_MAX_CLIENT_LENGTH = 2_048
_NO_HOST = ("-", "_")
_HOST = re.compile(r"[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_*-]+)*\.?(?::\d{1,5})?")
_QUALIFIED_HOST = re.compile(r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]+(?::\d{1,5})?")
_NAME = re.compile(r"[A-Za-z0-9_.-]+|unix:")
_UNKNOWN = "-"

# Fields after those of the format. An address with a port is that of a server behind.
_QUOTED_HOPS = re.compile(rb' "([0-9A-Fa-f][0-9A-Fa-f.:, ]*+)"')
_LAST_HOP = re.compile(rb" ([0-9A-Fa-f]++[.:][0-9A-Fa-f.:]++)\s*+\Z")
_PORT = re.compile(rb"\d\.\d+:\d")
# HAProxy's common log format has two constant empty fields for referrer and User-Agent.
_HAPROXY_TAIL = re.compile(rb' \d+ \d{1,3} "')


class _Sender(NamedTuple):
    """The host and the addresses that the fields before the time contain."""

    host: str | None
    hops: tuple[str, ...]


def read_combined(line: bytes) -> LogLine | SkipReason:
    """Return the request of *line*, or why there is none."""
    return read_with_tail(line)[0]


def read_with_tail(line: bytes) -> tuple[LogLine | SkipReason, bytes]:
    """Return the request of *line*, and the fields after those of the format."""
    match = _LINE.match(line)
    if match is None:
        return SkipReason.UNREADABLE, b""
    client, stamp, request_line, status, size, referrer, agent = match.groups()
    at = parse_stamp(stamp.decode("latin-1"))
    sender = _parse_sender(client)
    if at is None or sender is None:
        return SkipReason.UNREADABLE, b""
    request = parse_request(decode_text(request_line))
    if request is None:
        return SkipReason.REQUEST, b""
    tail = line[match.end() :]
    parsed = LogLine(
        at=at,
        hops=sender.hops + _tail_hops(tail),
        agent=_agent(agent, tail),
        method=request[0],
        target=request[1],
        # Traefik writes a dash if it answered by itself.
        status=0 if status == b"-" else int(status),
        size=size.decode(),
        host=sender.host,
        referrer=decode_field(referrer),
    )
    return parsed, tail


@lru_cache(maxsize=4_096)
def _parse_sender(client: bytes) -> _Sender | None:
    """Return what the fields before the time say, None if they cannot be understood.

    These are the address, the identity and the name; a host may precede the address, or
    replace the identity.
    """
    if len(client) > _MAX_CLIENT_LENGTH:
        return None
    fields = []
    for match in _FIELD.finditer(client.decode("latin-1")):
        fields.append(match[1] if match[2] is None else match[2])
        if len(fields) == _MAX_FIELDS:
            break
    if len(fields) < 2:  # noqa: PLR2004 - address and identity, at least
        return None
    first, second = fields[0], fields[1]
    hops = read_hops(first)
    if hops:
        host = second if _QUALIFIED_HOST.fullmatch(second) else None
        return _Sender(host, hops + read_hops(second))
    hops = read_hops(second)
    if hops:
        is_host = _HOST.fullmatch(first) is not None
        return _Sender(None if first in _NO_HOST else first, hops) if is_host else None
    return _parse_unknown_sender(fields)


def _parse_unknown_sender(fields: list[str]) -> _Sender | None:
    """Return the host of a line that has no address, only ``-`` or a client's name."""
    first, second = fields[0], fields[1]
    if len(fields) == _MAX_FIELDS and fields[2] == _UNKNOWN:
        if _HOST.fullmatch(first) is None or _NAME.fullmatch(second) is None:
            return None
        has_host = second != _UNKNOWN and first not in _NO_HOST
        return _Sender(first if has_host else None, ())
    is_name = _NAME.fullmatch(first) is not None and second == _UNKNOWN
    return _Sender(None, ()) if is_name else None


def _tail_hops(tail: bytes) -> tuple[str, ...]:
    """Return the addresses of ``X-Forwarded-For`` in the last fields."""
    if not tail.strip():
        return ()
    match = _QUOTED_HOPS.search(tail) or _LAST_HOP.search(tail)
    if match is None or _PORT.search(match[1]):
        return ()
    return read_hops(match[1].decode())


def _agent(agent: bytes | None, tail: bytes) -> str | None:
    if agent is None or (agent == b"" and _HAPROXY_TAIL.match(tail)):
        return None
    return decode_field(agent) or ""


def decode_text(raw: bytes) -> str:
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


def decode_field(raw: bytes | None) -> str | None:
    """Return a quoted field; None if it is "-" or empty."""
    return None if raw is None or raw in _NO_VALUE else decode_text(raw)
