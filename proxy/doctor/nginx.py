"""Checks that the nginx in front neither logs visitors nor lets them forge addresses.

nginx writes its logs itself, so they can hold personal data that Millpond never writes.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from config.settings import ProxySettings
from proxy.doctor.client_address import address_of, is_loopback
from proxy.doctor.finding import Finding, finding, fine, look
from proxy.doctor.nginx_answers import AnswerChecks
from proxy.doctor.nginx_file import Block, NginxConfig, NginxFileError, load_nginx
from proxy.doctor.nginx_requests import request_findings
from proxy.doctor.nginx_target import is_to_proxy, is_undecided
from proxy.doctor.sites import server_name_findings

ABOUT = "web server's log"
DEFAULT_FILES = (
    Path("/etc/nginx/nginx.conf"),
    Path("/usr/local/etc/nginx/nginx.conf"),
    Path("/usr/local/nginx/conf/nginx.conf"),
    Path("/opt/homebrew/etc/nginx/nginx.conf"),
)

_LOGS = 'see docs/operations.md, "Web server logs", and deploy/nginx.conf'
_VARIABLE = re.compile(r"\$\{?([a-z0-9_]+)")
# Variables without personal data; all other variables count as personal.
_HARMLESS = re.compile(
    r"(body_)?bytes_sent|connections?(_\w+)?|content_(length|type)|date_\w+|gzip_ratio"
    r"|host(name)?|https|limit_rate|msec|nginx_version|pid|pipe"
    r"|request_(completion|length|method|time)|scheme|sent_http_content_type"
    r"|server_(addr|name|port|protocol)|ssl_(cipher|protocol)|status"
    r"|time_(iso8601|local)|(document_)?uri|upstream_(?!cookie_|http_|trailer_)\w+"
)
# A log of these levels leaves out upstream failures, which have the level "error" and
# name the visitor.
_RARE_LEVELS = frozenset({"crit", "alert", "emerg"})


def nginx(
    proxy: ProxySettings, file: Path | None, domains: Sequence[str] | None = None
) -> Iterator[Finding]:
    """Yield the findings about *file*, or about the configuration at a default path.

    Without the sites' *domains*, the names of the servers are not compared with them.
    """
    path = file or next((path for path in DEFAULT_FILES if path.exists()), None)
    needs_front = is_loopback(address_of(proxy.host))
    if path is None:
        if needs_front:
            yield look(
                ABOUT,
                "no nginx configuration found: the web server in front was not checked",
                f"name its configuration with --nginx, or {_LOGS}",
            )
        return
    try:
        config = load_nginx(path)
    except NginxFileError as error:
        yield finding(
            ABOUT,
            error.message,
            "check that `nginx -t` accepts the file and that this user may read it",
        )
        return
    blocks = [block for block in config.blocks if _is_ours(block, config, proxy)]
    checks = AnswerChecks(config, proxy, lambda block: _has_logs(block, config))
    for block in _with_inner(blocks, config):
        logs = [
            *_access_log_findings(block, config),
            *_error_log_findings(block),
            *checks.error_pages(block),
        ]
        if block not in blocks:
            yield from logs
            continue
        logs += _body_findings(block)
        yield from logs or [
            fine(ABOUT, f"{block.name}: nginx writes nothing about visitors")
        ]
        yield from request_findings(block, proxy)
    yield from checks.servers(blocks)
    if domains is not None:
        yield from server_name_findings(blocks, proxy, domains)
    yield from _undecided_findings(config)
    yield from _stream_findings(config, proxy)
    if not blocks and needs_front:
        yield from _unused_findings(config, path, proxy)


def _is_ours(block: Block, config: NginxConfig, proxy: ProxySettings) -> bool:
    """Whether *block* passes requests to the proxy."""
    return block.proxy_pass is not None and is_to_proxy(block.proxy_pass, config, proxy)


def _with_inner(blocks: Sequence[Block], config: NginxConfig) -> Iterator[Block]:
    """Yield *blocks* and the locations inside them, each once."""
    own_blocks = {(block.server, block.locations) for block in blocks}
    for block in config.blocks:
        outer = [block.locations[:depth] for depth in range(len(block.locations) + 1)]
        if any((block.server, locations) in own_blocks for locations in outer):
            yield block


def _has_logs(block: Block, config: NginxConfig) -> bool:
    """Whether one of the block's logs gets something personal."""
    return any([*_access_log_findings(block, config), *_error_log_findings(block)])


def _undecided_findings(config: NginxConfig) -> Iterator[Finding]:
    for block in config.blocks:
        if block.proxy_pass is None or block.kind == "if":
            continue
        if is_undecided(block.proxy_pass, config):
            yield look(
                ABOUT,
                f"{block.name}: proxy_pass {block.proxy_pass} contains a variable, so"
                " this block was not checked",
                f"if it leads to Millpond, write the address there; {_LOGS}",
            )


def _stream_findings(config: NginxConfig, proxy: ProxySettings) -> Iterator[Finding]:
    for target in config.stream_targets:
        if is_to_proxy(target, config, proxy):
            yield finding(
                ABOUT,
                f"stream: proxy_pass {target} passes on connections without the"
                " visitor's address, or with one that the visitor sent",
                f"use an `http` block; {_LOGS}",
            )


def _unused_findings(
    config: NginxConfig, path: Path, proxy: ProxySettings
) -> Iterator[Finding]:
    """Yield findings about the settings that a new location would inherit."""
    target = f"port {proxy.port}"
    outermost = config.outermost
    if [*_access_log_findings(outermost, config), *_error_log_findings(outermost)]:
        yield finding(
            ABOUT,
            f"{path} passes nothing to {target} yet; a new location for it would"
            " write each visitor's address to the logs",
            _LOGS,
        )
    else:
        yield look(ABOUT, f"{path} passes nothing to {target}", _LOGS)


def _access_log_findings(block: Block, config: NginxConfig) -> Iterator[Finding]:
    for log, *options in block.access_logs:
        name = next((option for option in options if "=" not in option), "combined")
        if log == "/dev/null":
            continue
        form = config.formats.get(name, "$unknown")
        # A variable in the log's name writes a file for each of its values.
        variables = set(_VARIABLE.findall(f"{form} {log}"))
        own = sorted(variables & config.own_variables)
        personal = sorted(
            variable
            for variable in variables - config.own_variables
            if not _HARMLESS.fullmatch(variable)
        )
        if personal:
            yield finding(
                ABOUT,
                f"{block.name}: {log} gets {_listed(personal)} of every visitor",
                f"write `access_log off;` there; {_LOGS}",
            )
        elif own:
            yield look(
                ABOUT,
                f"{block.name}: {log} gets {_listed(own)}, defined in that file",
                "check that these values reveal no address",
            )


def _error_log_findings(block: Block) -> Iterator[Finding]:
    for log, *levels in block.lists["error_log"]:
        if log == "/dev/null":
            continue
        text = f"{block.name}: {log} gets the address of visitors whose requests fail"
        hint = "write `error_log /dev/null;` there"
        if _RARE_LEVELS.intersection(levels):
            yield look(ABOUT, f"{text} critically", hint)
        else:
            yield finding(ABOUT, text, hint)


def _body_findings(block: Block) -> Iterator[Finding]:
    """Yield a finding if nginx may write a request's body to a file."""
    simple = {name: arguments[0] for name, arguments in block.simple.items()}
    is_streamed = simple["proxy_request_buffering"] == "off" and (
        simple["proxy_http_version"] == "1.1"
    )
    limit_bytes = _size_bytes(simple["client_max_body_size"])
    fits = 0 < limit_bytes <= _size_bytes(simple["client_body_buffer_size"])
    if simple["client_body_in_file_only"] != "off" or not (is_streamed or fits):
        yield finding(
            ABOUT,
            f"{block.name}: nginx writes large requests to a file before it passes"
            " them on",
            "write `client_body_buffer_size 1m;` and `client_max_body_size 1m;` there",
        )


def _size_bytes(size: str) -> int:
    """Return a size from the configuration in bytes; 0 means no limit."""
    scale = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(size[-1:].lower(), 1)
    digits = size.rstrip("kKmMgG")
    return int(digits) * scale if digits.isdigit() else 0


def _listed(variables: Sequence[str]) -> str:
    return ", ".join(f"${variable}" for variable in variables)
