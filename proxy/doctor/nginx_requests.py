"""Checks that nginx passes each request to the proxy, unchanged and to nothing else."""

import re
from collections.abc import Iterator
from ipaddress import ip_network

from config.settings import ProxySettings
from proxy.doctor.client_address import ABOUT as ADDRESS
from proxy.doctor.client_address import is_too_wide
from proxy.doctor.finding import Finding, finding, fine, look
from proxy.doctor.nginx_file import Block

_ABOUT = "web server"
_PEER = re.compile(
    r"(for=)?\"?\[?\$\{?(remote_addr|proxy_add_x_forwarded_for|proxy_protocol_addr)\}?"
    r"\]?\"?(;.*)?",
    re.IGNORECASE,
)
_SENT = re.compile(r"\$\{?http_")
_HEADERS = {"xff": "x-forwarded-for", "forwarded": "forwarded"}
# Headers that a CDN sets and nginx passes on unchanged.
_CDN_HEADERS = (
    "cf-connecting-ip",
    "true-client-ip",
    "fly-client-ip",
    "fastly-client-ip",
)
# What the proxy no longer knows if nginx changes a header.
_NEEDED = {
    "cookie": "visitors' objections",
    "sec-gpc": "visitors' objections",
    "dnt": "visitors' objections",
    "origin": "which pages may send events",
    "referer": "which pages may send events",
    "user-agent": "visitors and bots",
    "authorization": "the keys of vendors' clients",
    "content-type": "how a request is to be read",
    "content-encoding": "how a request is to be read",
}
# The values that pass on the Host of the request.
_HOSTS = ("$host", "${host}", "$http_host", "${http_host}", "$server_name")


def request_findings(block: Block, proxy: ProxySettings) -> Iterator[Finding]:
    """Yield the results about the requests that *block* passes on."""
    yield from _address_findings(block, proxy)
    yield from _real_ip_findings(block)
    yield from _header_findings(block)
    yield from _host_findings(block)
    yield from _copy_findings(block)
    yield from _change_findings(block)


def _address_findings(block: Block, proxy: ProxySettings) -> Iterator[Finding]:
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
    elif value is None or _is_forgeable(value):
        yield finding(
            ADDRESS,
            f"{block.name}: nginx passes on {name} as the visitor sent it, so visitors"
            " can forge their address",
            f"write `proxy_set_header {name.title()} $remote_addr;` there",
        )
    elif not _PEER.fullmatch(_nearest(value)):
        yield look(
            ADDRESS, f"{block.name}: nginx sets {name} without the peer's address"
        )
    else:
        yield fine(ADDRESS, f"{block.name}: nginx sets {name} itself")


def _nearest(value: str) -> str:
    """Return the last address in a header: the one that the proxy believes."""
    return value.rpartition(",")[2].strip()


def _is_forgeable(value: str) -> bool:
    return _SENT.search(_nearest(value)) is not None


def _real_ip_findings(block: Block) -> Iterator[Finding]:
    for network, *_ in block.lists["set_real_ip_from"]:
        try:
            is_wide = is_too_wide(ip_network(network, strict=False))
        except ValueError:
            # A name, or `unix:`.
            continue
        if is_wide:
            yield finding(
                ADDRESS,
                f"{block.name}: set_real_ip_from {network} lets every client in that"
                " network forge its address",
                "name the networks of your own proxies, or those your CDN publishes",
            )


def _header_findings(block: Block) -> Iterator[Finding]:
    for name, lost in _NEEDED.items():
        value = block.headers.get(name)
        if value is None or f"$http_{name.replace('-', '_')}" in value:
            continue
        if value in ("$content_type", "${content_type}") and name == "content-type":
            continue
        yield finding(
            _ABOUT,
            f"{block.name}: nginx replaces the header {name}, so Millpond does not know"
            f" {lost}",
            f"remove `proxy_set_header {name.title()}` there",
        )
    for hidden, *_ in block.lists["proxy_hide_header"]:
        if hidden.lower() == "set-cookie":
            yield finding(
                _ABOUT,
                f"{block.name}: nginx removes Set-Cookie, so no objection is kept",
                "remove `proxy_hide_header Set-Cookie` there",
            )


def _host_findings(block: Block) -> Iterator[Finding]:
    if block.headers.get("host") not in _HOSTS:
        yield look(
            _ABOUT,
            f"{block.name}: nginx replaces the header host; Segment's and RudderStack's"
            " clients would be told to send to that host",
            "write `proxy_set_header Host $host;` there, or set proxy.public_url",
        )


def _copy_findings(block: Block) -> Iterator[Finding]:
    """Yield what keeps requests or sends them elsewhere."""
    simple = {name: arguments[0] for name, arguments in block.simple.items()}
    for target, *_ in block.lists["mirror"]:
        if target != "off":
            yield finding(
                _ABOUT,
                f"{block.name}: `mirror` sends each request to {target} as well",
                "write `mirror off;` there",
            )
    if simple["proxy_cache"] != "off":
        yield finding(
            _ABOUT,
            f"{block.name}: nginx's cache keeps URLs of requests in files, and answers"
            " events itself",
            "write `proxy_cache off;` there",
        )
    if simple["proxy_store"] != "off":
        yield finding(
            _ABOUT,
            f"{block.name}: `proxy_store` keeps answers in files named by the request",
            "write `proxy_store off;` there",
        )
    if simple["userid"] not in ("off", "log"):
        yield finding(
            _ABOUT,
            f"{block.name}: `userid` gives each visitor a cookie with an identifier",
            "write `userid off;` there",
        )
    for name in ("auth_request", "post_action", "modsecurity"):
        if simple[name] != "off":
            yield look(
                _ABOUT,
                f"{block.name}: `{name}` passes requests to something that was not"
                " checked",
                f"make sure that it keeps nothing, or write `{name} off;` there",
            )


def _change_findings(block: Block) -> Iterator[Finding]:
    """Yield what changes requests, so that events are lost."""
    simple = {name: arguments[0] for name, arguments in block.simple.items()}
    changes = {
        "proxy_pass_request_headers": "on",
        "proxy_pass_request_body": "on",
        "proxy_set_body": "off",
        "proxy_method": "off",
    }
    for name, usual in changes.items():
        if simple[name] != usual:
            yield finding(
                _ABOUT,
                f"{block.name}: `{name}` changes each request, so events and objections"
                " are lost",
                f"remove `{name}` there",
            )
