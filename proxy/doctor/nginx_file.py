"""Loads an nginx configuration: the settings of each block that can pass on requests.

The only door to crossplane, which parses the file and all its includes. As in nginx, a
block inherits the settings of the outer block that it does not set itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import crossplane

from config.errors import MillpondError

Arguments = tuple[str, ...]
Directive = Mapping[str, Any]

# Blocks that can contain proxy_pass, and the blocks around them.
_BLOCKS = frozenset({"http", "server", "location", "if", "limit_except"})
# Blocks that pass on requests as the location around them does.
_NAMELESS = frozenset({"if", "limit_except"})
_OFF = ("off",)
# Directives that a block simply replaces, with nginx's defaults.
_SIMPLE: Mapping[str, Arguments] = {
    "auth_request": _OFF,
    "client_body_buffer_size": ("16k",),
    "client_max_body_size": ("1m",),
    "client_body_in_file_only": _OFF,
    "modsecurity": _OFF,
    "post_action": _OFF,
    "proxy_cache": _OFF,
    "proxy_cache_methods": ("GET", "HEAD"),
    "proxy_http_version": ("1.0",),
    "proxy_intercept_errors": _OFF,
    "proxy_method": _OFF,
    "proxy_pass_request_body": ("on",),
    "proxy_pass_request_headers": ("on",),
    "proxy_request_buffering": ("on",),
    "proxy_set_body": _OFF,
    "proxy_store": _OFF,
    "rewrite_log": _OFF,
    "userid": _OFF,
}
# Directives that a block may contain several times, and replaces as a whole.
_LISTS: Mapping[str, tuple[Arguments, ...]] = {
    "error_log": (("logs/error.log", "error"),),
    "error_page": (),
    "mirror": (),
    "proxy_hide_header": (),
    "set_real_ip_from": (),
}
_DEFINES_VARIABLE = frozenset({"map", "geo", "set", "split_clients"})
_COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
    ' "$http_referer" "$http_user_agent"'
)


class NginxFileError(MillpondError):
    """The file is not a readable nginx configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of the configuration, with its own and its inherited settings."""

    # Such as "server shop.example, location /stats/".
    name: str = ""
    # The directive that opens the block.
    kind: str = ""
    # Tells apart servers, and the locations of a server; None outside a server.
    server: int | None = None
    server_names: tuple[str, ...] = ()
    # The modifier (or "") and the pattern of each location around, outermost first.
    locations: tuple[tuple[str, str], ...] = ()
    # Arguments of each access log; by default nginx's own default log.
    access_logs: tuple[Arguments, ...] = (("logs/access.log", "combined"),)
    # The headers that nginx sets: names in lower case, and values. nginx sends a header
    # that is set twice in two lines, which mean the same as one line with a comma.
    headers: Mapping[str, str] = field(default_factory=dict)
    # Arguments of each directive in _SIMPLE.
    simple: Mapping[str, Arguments] = field(default_factory=lambda: _SIMPLE)
    # Arguments of each directive in _LISTS, once for each time.
    lists: Mapping[str, tuple[Arguments, ...]] = field(default_factory=lambda: _LISTS)
    # The URL to which this block passes requests, None if it does not.
    proxy_pass: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NginxConfig:
    """The relevant settings of one configuration."""

    # The http block, whose settings a new server inherits.
    outermost: Block
    blocks: Sequence[Block]
    formats: Mapping[str, str]
    # The server addresses of each upstream, by its name.
    upstreams: Mapping[str, Sequence[str]]
    # Variables that the configuration itself defines.
    own_variables: frozenset[str]
    # The values that `set` and `map` give to each variable.
    values: Mapping[str, Sequence[str]]
    # Each `map`: its source, its variable, and its entries.
    maps: Sequence["VariableMap"]
    # The targets to which `stream` passes connections.
    stream_targets: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableMap:
    """A ``map``: the value of *variable* depends on *source*."""

    source: str
    variable: str
    entries: Sequence[Arguments]


def load_nginx(path: Path) -> NginxConfig:
    """Return the configuration in *path* and its includes.

    Raises ``NginxFileError`` if it cannot be parsed.
    """
    try:
        payload = crossplane.parse(str(path), combine=True, check_ctx=False)
    except RecursionError:
        raise NginxFileError(f"read {path}: it includes itself") from None
    if payload["status"] != "ok":
        problems = "; ".join(_problem_text(problem) for problem in payload["errors"])
        raise NginxFileError(f"read {path}: {problems}")
    directives = [
        directive for config in payload["config"] for directive in config["parsed"]
    ]
    blocks = list(_blocks(directives, Block()))
    nested = list(_flatten(directives))
    return NginxConfig(
        outermost=[block for block in blocks if not block.name][-1],
        blocks=blocks,
        formats={"combined": _COMBINED} | dict(_formats(nested)),
        upstreams=dict(_upstreams(nested)),
        own_variables=frozenset(_own_variables(nested)),
        values=_values(nested),
        maps=list(_maps(nested)),
        stream_targets=[
            inner["args"][0]
            for directive in directives
            if directive["directive"] == "stream"
            for inner in _flatten(directive["block"])
            if inner["directive"] == "proxy_pass"
        ],
    )


def _problem_text(problem: Mapping[str, Any]) -> str:
    # An OSError's text repeats the path, which the message already has.
    return re.sub(r" in \S+:\d+$", "", str(problem["error"]))


def _flatten(directives: Sequence[Directive]) -> Iterator[Directive]:
    """Yield all directives, including those inside blocks."""
    for directive in directives:
        yield directive
        yield from _flatten(directive.get("block", ()))


def _formats(directives: Sequence[Directive]) -> Iterator[tuple[str, str]]:
    for directive in directives:
        if directive["directive"] == "log_format":
            name, *parts = directive["args"]
            yield name, "".join(p for p in parts if not p.startswith("escape="))


def _upstreams(directives: Sequence[Directive]) -> Iterator[tuple[str, list[str]]]:
    for directive in directives:
        if directive["directive"] == "upstream":
            servers = [
                inner["args"][0]
                for inner in directive["block"]
                if inner["directive"] == "server"
            ]
            yield directive["args"][0], servers


def _own_variables(directives: Sequence[Directive]) -> Iterator[str]:
    for directive in directives:
        if directive["directive"] not in _DEFINES_VARIABLE:
            continue
        # The variable is the last argument, except in set, where its value follows it.
        index = 0 if directive["directive"] == "set" else -1
        yield directive["args"][index].removeprefix("$")


def _maps(directives: Sequence[Directive]) -> Iterator[VariableMap]:
    for directive in directives:
        if directive["directive"] == "map":
            source, variable = directive["args"]
            # crossplane gives the key of an entry as the name of a directive.
            yield VariableMap(
                source=source,
                variable=variable.removeprefix("$"),
                entries=[
                    (inner["directive"], *inner["args"]) for inner in directive["block"]
                ],
            )


def _values(directives: Sequence[Directive]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for directive in directives:
        if directive["directive"] == "set":
            variable, value = directive["args"]
            values.setdefault(variable.removeprefix("$"), []).append(value)
    for item in _maps(directives):
        values.setdefault(item.variable, []).extend(
            entry[1] for entry in item.entries if len(entry) > 1
        )
    return values


def _blocks(directives: Sequence[Directive], outer: Block) -> Iterator[Block]:
    """Yield *outer* with the settings in *directives*, then all blocks inside it."""
    block = _with_own_settings(directives, outer)
    yield block
    for directive in directives:
        if directive["directive"] in _BLOCKS:
            yield from _blocks(directive["block"], _inner(directive, block))


def _inner(directive: Directive, outer: Block) -> Block:
    """Return the block that *directive* opens, as *outer* with its own place."""
    kind = directive["directive"]
    name = ", ".join(filter(None, (outer.name, _block_name(directive))))
    block = replace(outer, name=name, kind=kind)
    if kind not in _NAMELESS:
        block = replace(block, proxy_pass=None)
    if kind == "server":
        return replace(
            block, server=id(directive), server_names=_server_names(directive)
        )
    if kind == "location":
        return replace(
            block, locations=(*outer.locations, _location(directive["args"]))
        )
    return block


def _location(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the modifier and the pattern, which may be written as one word."""
    text = "".join(arguments)
    modifier = next((m for m in ("^~", "~*", "~", "=") if text.startswith(m)), "")
    return modifier, text.removeprefix(modifier)


def _server_names(server: Directive) -> tuple[str, ...]:
    return tuple(
        name
        for directive in server["block"]
        if directive["directive"] == "server_name"
        for name in directive["args"]
    )


def _with_own_settings(directives: Sequence[Directive], outer: Block) -> Block:
    def own(name: str) -> list[Arguments]:
        return [tuple(d["args"]) for d in directives if d["directive"] == name]

    block = outer
    if logs := own("access_log"):
        access_logs = () if ("off",) in logs else tuple(logs)
        block = replace(block, access_logs=access_logs)
    simple = {name: settings[-1] for name in _SIMPLE if (settings := own(name))}
    block = replace(block, simple={**block.simple, **simple})
    lists = {name: tuple(all_of) for name in _LISTS if (all_of := own(name))}
    block = replace(block, lists={**block.lists, **lists})
    if set_headers := own("proxy_set_header"):
        headers: dict[str, str] = {}
        for name, value in set_headers:
            first = headers.get(name.lower())
            headers[name.lower()] = value if first is None else f"{first}, {value}"
        block = replace(block, headers=headers)
    if targets := own("proxy_pass"):
        block = replace(block, proxy_pass=targets[0][0])
    return block


def _block_name(block: Directive) -> str:
    kind = block["directive"]
    if kind == "http":
        return ""
    if kind != "server":
        return " ".join((kind, *block["args"]))
    return " ".join((kind, *_server_names(block)[:1]))
