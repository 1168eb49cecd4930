"""Checks that the nginx in front neither logs visitors nor lets them forge addresses.

nginx writes its logs itself, so they can hold personal data that Millpond never writes.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import ProxySettings
from proxy.doctor.client_address import ABOUT as ADDRESS
from proxy.doctor.client_address import address_of, is_loopback
from proxy.doctor.finding import Finding, finding, fine, look
from proxy.doctor.nginx_file import Block, NginxConfig, NginxFileError, load_nginx

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
_PEERS = re.compile(
    r"\$\{?(remote_addr|proxy_add_x_forwarded_for|proxy_protocol_addr)\b"
)
_HEADERS = {"xff": "x-forwarded-for", "forwarded": "forwarded"}
# Headers that a CDN sets and nginx passes on unchanged.
_CDN_HEADERS = (
    "cf-connecting-ip",
    "true-client-ip",
    "fly-client-ip",
    "fastly-client-ip",
)


def nginx(proxy: ProxySettings, file: Path | None) -> Iterator[Finding]:
    """Yield the findings about *file*, or about the configuration at a default path."""
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
    blocks = [block for block in config.blocks if _is_to_proxy(block, config, proxy)]
    for block in blocks:
        yield from _block_findings(block, config, proxy)
    if not blocks and needs_front:
        yield from _unused_findings(config, path, proxy)


def _is_to_proxy(block: Block, config: NginxConfig, proxy: ProxySettings) -> bool:
    """Whether *block* passes requests to the proxy."""
    if block.proxy_pass is None:
        return False
    target = urlsplit(block.proxy_pass).netloc
    servers = config.upstreams.get(target, [target])
    return any(_is_proxy(server, proxy) for server in servers)


def _is_proxy(server: str, proxy: ProxySettings) -> bool:
    host, _, port = server.rpartition(":")
    if port != str(proxy.port):
        return False
    return host == proxy.host or is_loopback(address_of(host.strip("[]")))


def _block_findings(
    block: Block, config: NginxConfig, proxy: ProxySettings
) -> Iterator[Finding]:
    logs = [
        *_access_log_findings(block, config),
        *_error_log_findings(block),
        *_body_findings(block),
    ]
    yield from logs or [
        fine(ABOUT, f"{block.name}: nginx writes nothing about visitors")
    ]
    yield from _header_findings(block, proxy)


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
        variables = set(_VARIABLE.findall(config.formats.get(name, "$unknown")))
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
    log, *levels = block.simple["error_log"]
    if log == "/dev/null":
        return
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


def _header_findings(block: Block, proxy: ProxySettings) -> Iterator[Finding]:
    """Yield whether nginx itself sets the header with the client's address."""
    if proxy.client_ip == "peer":
        return
    name = _HEADERS.get(proxy.client_ip, proxy.client_ip.removeprefix("header:"))
    value = block.headers.get(name)
    if value is None and name in _CDN_HEADERS:
        yield look(
            ADDRESS,
            f"{block.name}: any client that reaches nginx can set {name}",
            "let nginx answer the CDN's networks only",
        )
    elif value is None:
        yield finding(
            ADDRESS,
            f"{block.name}: nginx passes on {name} as the visitor sent it, so visitors"
            " can forge their address",
            f"write `proxy_set_header {name.title()} $remote_addr;` there",
        )
    elif not _PEERS.search(value):
        yield look(
            ADDRESS, f"{block.name}: nginx sets {name} without the peer's address"
        )
    else:
        yield fine(ADDRESS, f"{block.name}: nginx sets {name} itself")


def _listed(variables: Sequence[str]) -> str:
    return ", ".join(f"${variable}" for variable in variables)
