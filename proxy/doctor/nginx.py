"""Whether the nginx in front writes down who visits, or lets them pretend.

Its logs lie outside Millpond and would hold all that Millpond never writes.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import ProxySettings
from proxy.doctor.client_address import ABOUT as ADDRESS
from proxy.doctor.client_address import address_of, is_loopback
from proxy.doctor.finding import Finding, finding, fine, look
from proxy.doctor.nginx_file import Block, NginxFile, NginxFileError, read_nginx

ABOUT = "web server's log"
DEFAULT_FILES = (
    Path("/etc/nginx/nginx.conf"),
    Path("/usr/local/etc/nginx/nginx.conf"),
    Path("/usr/local/nginx/conf/nginx.conf"),
    Path("/opt/homebrew/etc/nginx/nginx.conf"),
)

_LOGS = 'see docs/operations.md, "What the web server writes", and deploy/nginx.conf'
_VARIABLE = re.compile(r"\$\{?([a-z0-9_]+)")
# What says nothing of who asked: every other variable is taken to tell.
_HARMLESS = re.compile(
    r"(body_)?bytes_sent|connections?(_\w+)?|content_(length|type)|date_\w+|gzip_ratio"
    r"|host(name)?|https|limit_rate|msec|nginx_version|pid|pipe"
    r"|request_(completion|length|method|time)|scheme|sent_http_content_type"
    r"|server_(addr|name|port|protocol)|ssl_(cipher|protocol)|status"
    r"|time_(iso8601|local)|(document_)?uri|upstream_(?!cookie_|http_|trailer_)\w+"
)
# A failure of the proxy is of the level "error", and its line names the visitor.
_RARE_LEVELS = frozenset({"crit", "alert", "emerg"})
_PEERS = re.compile(
    r"\$\{?(remote_addr|proxy_add_x_forwarded_for|proxy_protocol_addr)\b"
)
_HEADERS = {"xff": "x-forwarded-for", "forwarded": "forwarded"}
# Written by a CDN, handed on by nginx as they come.
_OF_CDNS = ("cf-connecting-ip", "true-client-ip", "fly-client-ip", "fastly-client-ip")


def nginx(proxy: ProxySettings, file: Path | None) -> Iterator[Finding]:
    """Yield what is to say of the configuration *file*, or of the usual one."""
    path = file or next((each for each in DEFAULT_FILES if each.exists()), None)
    needs_front = is_loopback(address_of(proxy.host))
    if path is None:
        if needs_front:
            yield look(
                ABOUT,
                "no nginx found: what stands in front could not be examined",
                f"name its file with --nginx, or {_LOGS}",
            )
        return
    try:
        read = read_nginx(path)
    except NginxFileError as error:
        yield finding(
            ABOUT,
            error.message,
            "see that `nginx -t` accepts it, and that this user may read it",
        )
        return
    mine = [each for each in read.blocks if _leads_here(each, read, proxy)]
    for block in mine:
        yield from _examined(block, read, proxy)
    if not mine and needs_front:
        yield from _not_yet(read, path, proxy)


def _leads_here(block: Block, read: NginxFile, proxy: ProxySettings) -> bool:
    """Return whether *place* hands requests on to the proxy."""
    if block.proxy_pass is None:
        return False
    target = urlsplit(block.proxy_pass).netloc
    return any(_is_here(each, proxy) for each in read.upstreams.get(target, [target]))


def _is_here(target: str, proxy: ProxySettings) -> bool:
    host, _, port = target.rpartition(":")
    if port != str(proxy.port):
        return False
    return host == proxy.host or is_loopback(address_of(host.strip("[]")))


def _examined(block: Block, read: NginxFile, proxy: ProxySettings) -> Iterator[Finding]:
    logs = [*_access_logs(block, read), *_error_log(block), *_bodies(block)]
    yield from logs or [fine(ABOUT, f"{block.name}: nothing is written of visitors")]
    yield from _headers(block, proxy)


def _not_yet(read: NginxFile, path: Path, proxy: ProxySettings) -> Iterator[Finding]:
    """Yield what a location that leads here would begin with."""
    where = f"port {proxy.port}"
    if [*_access_logs(read.outermost, read), *_error_log(read.outermost)]:
        yield finding(
            ABOUT,
            f"{path} hands nothing on to {where} yet; a location that did would"
            " write each visitor's address to the logs",
            _LOGS,
        )
    else:
        yield look(ABOUT, f"{path} hands nothing on to {where}", _LOGS)


def _access_logs(block: Block, read: NginxFile) -> Iterator[Finding]:
    for log, *options in block.access_logs:
        name = next((each for each in options if "=" not in each), "combined")
        variables = set(_VARIABLE.findall(read.formats.get(name, "$unknown")))
        made = sorted(variables & read.own_variables)
        personal = sorted(
            each
            for each in variables - read.own_variables
            if not _HARMLESS.fullmatch(each)
        )
        if personal:
            yield finding(
                ABOUT,
                f"{block.name}: {log} gets {_listed(personal)} of every visitor",
                f"write `access_log off;` there; {_LOGS}",
            )
        elif made:
            yield look(
                ABOUT,
                f"{block.name}: {log} gets {_listed(made)}, made by that file itself",
                "see that no address can be read from it",
            )


def _error_log(block: Block) -> Iterator[Finding]:
    log, *levels = block.plain["error_log"]
    if log == "/dev/null":
        return
    text = f"{block.name}: {log} gets the address of visitors whose requests fail"
    hint = "write `error_log /dev/null;` there"
    if _RARE_LEVELS.intersection(levels):
        yield look(ABOUT, f"{text} in a rare way", hint)
    else:
        yield finding(ABOUT, text, hint)


def _bodies(block: Block) -> Iterator[Finding]:
    """Yield whether what a visitor sends may lie in a file until it is handed on."""
    plain = {name: said[0] for name, said in block.plain.items()}
    streams = plain["proxy_request_buffering"] == "off" and (
        plain["proxy_http_version"] == "1.1"
    )
    most = _bytes(plain["client_max_body_size"])
    fits = 0 < most <= _bytes(plain["client_body_buffer_size"])
    if plain["client_body_in_file_only"] != "off" or not (streams or fits):
        yield finding(
            ABOUT,
            f"{block.name}: nginx writes large requests to a file before it hands"
            " them on",
            "write `client_body_buffer_size 1m;` and `client_max_body_size 1m;` there",
        )


def _bytes(size: str) -> int:
    """Return a size of nginx in bytes; nought is no limit."""
    scale = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(size[-1:].lower(), 1)
    digits = size.rstrip("kKmMgG")
    return int(digits) * scale if digits.isdigit() else 0


def _headers(block: Block, proxy: ProxySettings) -> Iterator[Finding]:
    """Yield whether the header the client's address is taken from is nginx's own."""
    if proxy.client_ip == "peer":
        return
    name = _HEADERS.get(proxy.client_ip, proxy.client_ip.removeprefix("header:"))
    value = block.headers.get(name)
    if value is None and name in _OF_CDNS:
        yield look(
            ADDRESS,
            f"{block.name}: {name} is believed of whoever reaches nginx",
            "let nginx answer the CDN's networks only",
        )
    elif value is None:
        yield finding(
            ADDRESS,
            f"{block.name}: nginx hands on {name} as the visitor wrote it, so anybody"
            " can pretend to be somebody else",
            f"write `proxy_set_header {_spelt(name)} $remote_addr;` there",
        )
    elif not _PEERS.search(value):
        yield look(ADDRESS, f"{block.name}: {name} is made of something of its own")
    else:
        yield fine(ADDRESS, f"{block.name}: nginx writes {name} itself")


def _spelt(name: str) -> str:
    return name.title()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"${each}" for each in names)
