"""What an nginx configuration says of each place that hands requests on.

The only door to crossplane, which reads the file and all it includes. Settings of an
outer block hold in an inner one that has none of its own, as in nginx itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import crossplane

from config.errors import MillpondError

Arguments = tuple[str, ...]

# Where the directives stand that requests are handed on by.
_BLOCKS = frozenset({"http", "server", "location", "if", "limit_except"})
# What else is read, each with what holds where it is not said.
_PLAIN: Mapping[str, Arguments] = {
    "error_log": ("logs/error.log", "error"),
    "client_body_buffer_size": ("16k",),
    "client_max_body_size": ("1m",),
    "client_body_in_file_only": ("off",),
    "proxy_request_buffering": ("on",),
    "proxy_http_version": ("1.0",),
}
_VARIABLE_MAKERS = frozenset({"map", "geo", "set", "split_clients"})
_COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
    ' "$http_referer" "$http_user_agent"'
)


class NginxFileError(MillpondError):
    """The file cannot be read as a configuration of nginx."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of the configuration, with what holds in it."""

    # Such as "server shop.example, location /stats/".
    name: str = ""
    # Arguments of each log that is written; nginx's own default where none is named.
    access_logs: tuple[Arguments, ...] = (("logs/access.log", "combined"),)
    # What nginx sets a header to, by the header's name in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    # Arguments of each directive of _PLAIN.
    plain: Mapping[str, Arguments] = field(default_factory=lambda: _PLAIN)
    # The URL requests are handed on to, if this place does that.
    proxy_pass: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NginxFile:
    """All that matters of one configuration."""

    # Of the outermost block of HTTP: what a new server would begin with.
    outermost: Block
    blocks: Sequence[Block]
    formats: Mapping[str, str]
    # Addresses of each named group of servers.
    upstreams: Mapping[str, Sequence[str]]
    # Variables the configuration makes itself.
    own_variables: frozenset[str]


def read_nginx(path: Path) -> NginxFile:
    """Return what *path* and all it includes say; raise ``NginxFileError``."""
    try:
        read = crossplane.parse(str(path), combine=True, check_ctx=False)
    except RecursionError:
        raise NginxFileError(f"read {path}: it includes itself") from None
    if read["status"] != "ok":
        told = "; ".join(_told(each) for each in read["errors"])
        raise NginxFileError(f"read {path}: {told}")
    directives = [each for config in read["config"] for each in config["parsed"]]
    blocks = list(_blocks(directives, Block()))
    every = list(_flat(directives))
    return NginxFile(
        outermost=[each for each in blocks if not each.name][-1],
        blocks=blocks,
        formats={"combined": _COMBINED} | dict(_formats(every)),
        upstreams={
            each["args"][0]: [
                inner["args"][0]
                for inner in each["block"]
                if inner["directive"] == "server"
            ]
            for each in every
            if each["directive"] == "upstream"
        },
        own_variables=frozenset(_own_variables(every)),
    )


def _told(problem: Mapping[str, Any]) -> str:
    # An OSError's text repeats the path; what crossplane says is of the file alone.
    return re.sub(r" in \S+:\d+$", "", str(problem["error"]))


def _flat(directives: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for each in directives:
        yield each
        yield from _flat(each.get("block", ()))


def _formats(every: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in every:
        if each["directive"] == "log_format":
            name, *parts = each["args"]
            yield name, "".join(p for p in parts if not p.startswith("escape="))


def _own_variables(every: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in every:
        if each["directive"] not in _VARIABLE_MAKERS:
            continue
        # All name the variable last, but for set, which goes on with its value.
        block = 0 if each["directive"] == "set" else -1
        yield each["args"][block].removeprefix("$")


def _blocks(directives: Sequence[Mapping[str, Any]], outer: Block) -> Iterator[Block]:
    """Yield *outer* as its own *directives* make it, then every place inside."""
    block = _with_own(directives, outer)
    yield block
    for each in directives:
        if each["directive"] in _BLOCKS:
            name = ", ".join(filter(None, (block.name, _name_of(each))))
            yield from _blocks(each["block"], replace(block, name=name))


def _with_own(directives: Sequence[Mapping[str, Any]], outer: Block) -> Block:
    def own(name: str) -> list[Arguments]:
        return [tuple(d["args"]) for d in directives if d["directive"] == name]

    block = replace(outer, proxy_pass=None)
    if logs := own("access_log"):
        written = () if ("off",) in logs else tuple(logs)
        block = replace(block, access_logs=written)
    plain = {name: said[-1] for name in _PLAIN if (said := own(name))}
    block = replace(block, plain={**block.plain, **plain})
    if headers := own("proxy_set_header"):
        block = replace(block, headers={name.lower(): v for name, v in headers})
    if passed := own("proxy_pass"):
        block = replace(block, proxy_pass=passed[0][0])
    return block


def _name_of(block: Mapping[str, Any]) -> str:
    kind = block["directive"]
    if kind == "http":
        return ""
    if kind != "server":
        return " ".join((kind, *block["args"]))
    names = [
        name
        for each in block["block"]
        if each["directive"] == "server_name"
        for name in each["args"]
    ]
    return " ".join((kind, *names[:1]))
