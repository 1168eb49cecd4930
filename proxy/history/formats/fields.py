"""Builds a ``LogLine`` from named fields, by a table of the names in a format."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import NamedTuple

from proxy.history.hops import read_hops
from proxy.history.log_line import LogLine, SkipReason, parse_request
from proxy.history.times import parse_time

_NO_VALUE = ("", "-")
_NO_HOST = ("", "-", "_")
_UNKNOWN_SIZE = "-"


class FieldNames(NamedTuple):
    """The names a format has for each part of a request, the best one first.

    *date* precedes *at* in formats that have both in fields of their own. *request* is
    the whole request line; without it *method*, *target* and *query* are read.
    """

    at: tuple[str, ...]
    client: tuple[str, ...]
    status: tuple[str, ...]
    date: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    request: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    size: tuple[str, ...] = ()
    referrer: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()


def line_from_fields(
    fields: Mapping[str, str], names: FieldNames, zone: tzinfo
) -> LogLine | SkipReason:
    """Return the request that *fields* describe, or why there is none."""
    at = _find_time(fields, names, zone)
    status = _find(fields, names.status)
    if at is None or status is None or not status.isdecimal():
        return SkipReason.UNREADABLE
    request = _find_request(fields, names)
    if isinstance(request, SkipReason):
        return request
    host = _find(fields, names.host)
    size = _find(fields, names.size)
    referrer = _find(fields, names.referrer)
    agent = _find(fields, names.agent)
    return LogLine(
        at=at,
        hops=_find_hops(fields, names.client) + _find_hops(fields, names.forwarded),
        agent="" if agent in _NO_VALUE else agent,
        method=request[0],
        target=request[1],
        status=int(status),
        size=size if size is not None and size.isdecimal() else _UNKNOWN_SIZE,
        host=None if host in _NO_HOST else host,
        referrer=None if referrer in _NO_VALUE else referrer,
    )


def _find(fields: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """Return the first field that has a value, else an empty one, None without any."""
    found = None
    for name in names:
        value = fields.get(name)
        if value is not None:
            if value not in _NO_VALUE:
                return value
            found = value
    return found


def _find_time(
    fields: Mapping[str, str], names: FieldNames, zone: tzinfo
) -> int | None:
    """Return the first time that can be read; some formats use a name for durations."""
    day = _find(fields, names.date)
    for name in names.at:
        if name in fields:
            text = fields[name] if day is None else f"{day} {fields[name]}"
            at = parse_time(text, zone)
            if at is not None:
                return at
    return None


def _find_request(
    fields: Mapping[str, str], names: FieldNames
) -> tuple[str, str] | SkipReason:
    line = _find(fields, names.request)
    if line is not None:
        return parse_request(line) or SkipReason.REQUEST
    method, target = _find(fields, names.method), _find(fields, names.target)
    if method is None or target is None:
        return SkipReason.UNREADABLE
    if not method.isalpha() or not target.strip():
        return SkipReason.REQUEST
    query = _find(fields, names.query)
    if query in (None, *_NO_VALUE) or "?" in target:
        return method, target
    return method, f"{target}?{query}"


def _find_hops(fields: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    value = _find(fields, names)
    return () if value is None else read_hops(value)
