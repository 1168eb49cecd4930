"""The table of all log formats, and the choice of the one that a file has."""

from collections.abc import Callable, Iterable
from datetime import tzinfo
from functools import partial
from typing import NamedTuple

from proxy.history.envelope import strip_envelope
from proxy.history.formats.aws import read_load_balancer, read_s3
from proxy.history.formats.columns import ColumnsReader
from proxy.history.formats.combined import read_combined
from proxy.history.formats.haproxy import HaproxyReader
from proxy.history.formats.json_lines import (
    read_caddy,
    read_nginx_json,
    read_traefik_json,
)
from proxy.history.formats.npm import read_npm
from proxy.history.formats.traefik import read_traefik
from proxy.history.log_line import LogLine, SkipReason

Read = Callable[[bytes], LogLine | SkipReason]

_NO_AGENT_TITLE = "common, without User-Agents"


class Format(NamedTuple):
    """One log format.

    *build* returns a new reader; times without an offset are in the zone it gets. A
    reader with a *header* must see the lines at the start of the file too.
    """

    name: str
    title: str
    build: Callable[[tzinfo], Read]
    has_header: bool = False


class Recognised(NamedTuple):
    """The format of a file; *title* is None if no line of the sample was readable."""

    format: Format
    title: str | None


def _enveloped(read: Read) -> Callable[[tzinfo], Read]:
    return lambda _zone: lambda line: read(strip_envelope(line))


def _zoned(
    read: Callable[[bytes, tzinfo], LogLine | SkipReason],
) -> Callable[[tzinfo], Read]:
    return lambda zone: lambda line: read(strip_envelope(line), zone)


def _plain(read: Read) -> Callable[[tzinfo], Read]:
    return lambda _zone: read


def _build_haproxy(zone: tzinfo) -> Read:
    read = HaproxyReader(zone).read
    return lambda line: read(strip_envelope(line))


def _build_columns(_zone: tzinfo, *, is_cloudfront: bool) -> Read:
    return ColumnsReader(is_cloudfront=is_cloudfront).read


COMBINED = Format("combined", "combined", _enveloped(read_combined))
# Of formats that read a sample equally well, the first is chosen.
FORMATS = (
    Format("traefik", "Traefik", _enveloped(read_traefik)),
    COMBINED,
    Format("caddy", "Caddy JSON", _zoned(read_caddy)),
    Format("traefik-json", "Traefik JSON", _zoned(read_traefik_json)),
    Format("json", "nginx JSON", _zoned(read_nginx_json)),
    Format("npm", "Nginx Proxy Manager", _enveloped(read_npm)),
    Format("haproxy", "HAProxy", _build_haproxy),
    Format(
        "w3c",
        "W3C extended (IIS)",
        partial(_build_columns, is_cloudfront=False),
        has_header=True,
    ),
    Format(
        "cloudfront",
        "CloudFront",
        partial(_build_columns, is_cloudfront=True),
        has_header=True,
    ),
    Format("s3", "Amazon S3", _plain(read_s3)),
    Format("alb", "Amazon load balancer", _plain(read_load_balancer)),
)
AUTO = "auto"


def recognise(sample: Iterable[bytes], zone: tzinfo) -> Recognised:
    """Return the format that reads most lines of *sample*."""
    lines = list(sample)
    best, most = Recognised(COMBINED, None), 0
    for log_format in FORMATS:
        read = log_format.build(zone)
        results = [read(line) for line in lines]
        count = sum(_is_read(result) for result in results)
        if count > most:
            best, most = Recognised(log_format, _title(log_format, results)), count
    return best


def find_format(name: str) -> Format:
    """Return the format called *name*."""
    return next(known for known in FORMATS if known.name == name)


def _is_read(result: LogLine | SkipReason) -> bool:
    return result not in (SkipReason.UNREADABLE, SkipReason.OTHER)


def _title(log_format: Format, results: list[LogLine | SkipReason]) -> str:
    requests = [result for result in results if isinstance(result, LogLine)]
    has_agents = any(request.agent is not None for request in requests)
    if log_format is COMBINED and requests and not has_agents:
        return _NO_AGENT_TITLE
    return log_format.title
