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
# Directives that a block simply replaces, with nginx's defaults.
_SIMPLE: Mapping[str, Arguments] = {
    "error_log": ("logs/error.log", "error"),
    "client_body_buffer_size": ("16k",),
    "client_max_body_size": ("1m",),
    "client_body_in_file_only": ("off",),
    "proxy_request_buffering": ("on",),
    "proxy_http_version": ("1.0",),
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
    # Arguments of each access log; by default nginx's own default log.
    access_logs: tuple[Arguments, ...] = (("logs/access.log", "combined"),)
    # The headers that nginx sets: names in lower case, and values.
    headers: Mapping[str, str] = field(default_factory=dict)
    # Arguments of each directive in _SIMPLE.
    simple: Mapping[str, Arguments] = field(default_factory=lambda: _SIMPLE)
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


def _blocks(directives: Sequence[Directive], outer: Block) -> Iterator[Block]:
    """Yield *outer* with the settings in *directives*, then all blocks inside it."""
    block = _with_own_settings(directives, outer)
    yield block
    for directive in directives:
        if directive["directive"] in _BLOCKS:
            name = ", ".join(filter(None, (block.name, _block_name(directive))))
            yield from _blocks(directive["block"], replace(block, name=name))


def _with_own_settings(directives: Sequence[Directive], outer: Block) -> Block:
    def own(name: str) -> list[Arguments]:
        return [tuple(d["args"]) for d in directives if d["directive"] == name]

    block = replace(outer, proxy_pass=None)
    if logs := own("access_log"):
        access_logs = () if ("off",) in logs else tuple(logs)
        block = replace(block, access_logs=access_logs)
    simple = {name: settings[-1] for name in _SIMPLE if (settings := own(name))}
    block = replace(block, simple={**block.simple, **simple})
    if headers := own("proxy_set_header"):
        block = replace(block, headers={name.lower(): v for name, v in headers})
    if targets := own("proxy_pass"):
        block = replace(block, proxy_pass=targets[0][0])
    return block


def _block_name(block: Directive) -> str:
    kind = block["directive"]
    if kind == "http":
        return ""
    if kind != "server":
        return " ".join((kind, *block["args"]))
    names = [
        name
        for directive in block["block"]
        if directive["directive"] == "server_name"
        for name in directive["args"]
    ]
    return " ".join((kind, *names[:1]))
