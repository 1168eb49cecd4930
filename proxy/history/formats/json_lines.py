"""Reads logs with one JSON object on each line: of nginx, Caddy, Traefik and others.

The objects of nginx have the names that its operator chose, so the table has the usual
ones. An object inside an object is read by its path, as in ``request.headers.host``.
"""

import re
from datetime import tzinfo
from typing import Any

import msgspec

from proxy.history.formats.fields import FieldNames, line_from_fields
from proxy.history.log_line import LogLine, SkipReason

_NGINX = FieldNames(
    at=(
        "time_iso8601",
        "@timestamp",
        "timestamp",
        "time",
        "time_local",
        "datetime",
        "date",
        "ts",
        "msec",
        "edgestarttimestamp",
    ),
    client=(
        "remote_addr",
        "client_ip",
        "clientip",
        "remote_ip",
        "remoteip",
        "client",
        "ip",
        "remote_host",
        "source.ip",
        "client.ip",
    ),
    forwarded=(
        "http_x_forwarded_for",
        "x_forwarded_for",
        "x-forwarded-for",
        "xff",
        "forwarded_for",
    ),
    request=("request", "request_line"),
    method=(
        "request_method",
        "method",
        "verb",
        "request_type",
        "http.request.method",
        "clientrequestmethod",
    ),
    target=(
        "request_uri",
        "request_url",
        "url",
        "uri",
        "path",
        "request_path",
        "url.original",
        "clientrequesturi",
    ),
    query=("args", "query_string", "query"),
    status=(
        "status",
        "status_code",
        "response",
        "response_code",
        "code",
        "http.response.status_code",
        "edgeresponsestatus",
    ),
    host=("http_host", "host", "vhost", "server_name", "domain", "clientrequesthost"),
    size=(
        "body_bytes_sent",
        "bytes_sent",
        "bytes",
        "size",
        "body_bytes",
        "edgeresponsebytes",
    ),
    referrer=(
        "http_referer",
        "http_referrer",
        "referer",
        "referrer",
        "clientrequestreferer",
    ),
    agent=(
        "http_user_agent",
        "user_agent",
        "useragent",
        "user-agent",
        "agent",
        "user_agent.original",
        "clientrequestuseragent",
    ),
)
_CADDY = FieldNames(
    at=("ts", "time", "timestamp"),
    # client_ip is what Caddy itself found behind its trusted proxies.
    client=("request.client_ip", "request.remote_ip", "request.remote_addr"),
    forwarded=("request.headers.x-forwarded-for",),
    method=("request.method",),
    target=("request.uri",),
    status=("status",),
    host=("request.host",),
    size=("size",),
    referrer=("request.headers.referer",),
    agent=("request.headers.user-agent",),
)
_TRAEFIK = FieldNames(
    at=("startutc", "startlocal", "time"),
    client=("clienthost", "clientaddr"),
    forwarded=("request_x-forwarded-for",),
    method=("requestmethod",),
    target=("requestpath",),
    status=("downstreamstatus", "originstatus"),
    host=("requesthost", "requestaddr"),
    size=("downstreamcontentsize", "origincontentsize"),
    referrer=("request_referer",),
    agent=("request_user-agent",),
)
_CADDY_HEADERS = "request.headers."
_AGENT = "request.headers.user-agent"
# Caddy and Traefik write other logs to the same place.
_LOG_LEVEL = "level"

# Objects can also be nested more deeply than the decoder reads.
_NOT_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)
_DECODER = msgspec.json.Decoder(dict[str, Any])
_DEEPEST = 4
_BYTE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_LARGEST_CONTROL = 0x1F
_QUOTES = b'"\\'


def read_nginx_json(line: bytes, zone: tzinfo) -> LogLine | SkipReason:
    """Return the request in an object with the names of nginx, or why there is none."""
    fields = _decode(line)
    if fields is None:
        return SkipReason.UNREADABLE
    return line_from_fields(fields, _NGINX, zone)


def read_caddy(line: bytes, zone: tzinfo) -> LogLine | SkipReason:
    """Return the request in an object of Caddy, or why there is none."""
    fields = _decode(line)
    if fields is None:
        return SkipReason.UNREADABLE
    if "request.method" not in fields:
        return SkipReason.OTHER if _LOG_LEVEL in fields else SkipReason.UNREADABLE
    if any(name.startswith(_CADDY_HEADERS) for name in fields):
        # Headers are logged, so a missing one was not sent.
        fields.setdefault(_AGENT, "")
    return line_from_fields(fields, _CADDY, zone)


def read_traefik_json(line: bytes, zone: tzinfo) -> LogLine | SkipReason:
    """Return the request in an object of Traefik, or why there is none."""
    fields = _decode(line)
    if fields is None:
        return SkipReason.UNREADABLE
    if "requestmethod" not in fields:
        return SkipReason.OTHER if _LOG_LEVEL in fields else SkipReason.UNREADABLE
    return line_from_fields(fields, _TRAEFIK, zone)


def _decode(line: bytes) -> dict[str, str] | None:
    """Return the fields of an object by their paths in lower case."""
    if line[:1] != b"{":
        return None
    try:
        record = _DECODER.decode(line)
    except _NOT_JSON:
        try:
            # nginx without escape=json writes \x22, which is not JSON.
            record = _DECODER.decode(_BYTE.sub(_json_byte, line))
        except _NOT_JSON:
            return None
    fields: dict[str, str] = {}
    _flatten(record, "", fields, _DEEPEST)
    return fields


def _json_byte(match: re.Match[bytes]) -> bytes:
    byte = bytes.fromhex(match[1].decode())
    if byte[0] <= _LARGEST_CONTROL or byte in _QUOTES:
        return b"\\u00" + match[1]
    return byte


def _flatten(
    record: dict[str, Any], prefix: str, fields: dict[str, str], deepest: int
) -> None:
    for name, value in record.items():
        path = f"{prefix}{name}".lower()
        match value:
            case dict() if deepest:
                _flatten(value, f"{path}.", fields, deepest - 1)
            case str():
                fields[path] = value
            case bool() | None:
                fields[path] = ""
            case int() | float():
                # Not the notation with an exponent.
                fields[path] = f"{value:f}" if isinstance(value, float) else str(value)
            case list():
                fields[path] = ", ".join(item for item in value if type(item) is str)
