"""Checks that the proxy finds each visitor's address and that it cannot be forged.

Loading the configuration already refuses contradictory settings. This module checks
settings that are valid but do not fit the address on which the proxy listens.
"""

from collections.abc import Iterator
from ipaddress import ip_network

from config.settings import ProxySettings
from proxy.client.addresses import PRIVATE, Address, Network, Networks, parse_address
from proxy.doctor.finding import Finding, finding, fine, look

ABOUT = "client address"
_LOOPBACK = Networks(("127.0.0.0/8", "::1/128"))

_BEHIND = 'see docs/operations.md, "Behind a web server"'
# No CDN has a larger network: Cloudflare's largest are a /12 and a /29.
_WIDEST = {4: 8, 6: 16}


def client_address(proxy: ProxySettings) -> Iterator[Finding]:
    """Yield findings about ``proxy.client_ip`` and ``proxy.trusted_proxies``."""
    address = address_of(proxy.host)
    is_local = is_loopback(address)
    if proxy.client_ip == "peer":
        yield _peer_finding(address, is_local=is_local)
    else:
        yield _header_finding(proxy, is_local=is_local)
    yield from _network_findings(proxy)


def address_of(host: str) -> Address | None:
    """Return the address on which the proxy listens, None if *host* is a name."""
    return parse_address("127.0.0.1" if host == "localhost" else host)


def is_loopback(address: Address | None) -> bool:
    """Whether only this machine can reach *address*."""
    return address is not None and address in _LOOPBACK


def _peer_finding(address: Address | None, *, is_local: bool) -> Finding:
    if is_local:
        return finding(
            ABOUT,
            "private peer, no trusted proxy configured: only this machine can reach the"
            " proxy, so all visitors would have the address of the web server in front",
            'set client_ip = "xff" and trusted_proxies = ["127.0.0.1"]; ' + _BEHIND,
        )
    if address and not address.is_unspecified and address in PRIVATE:
        return look(
            ABOUT,
            "private peer, no trusted proxy configured: correct only if visitors in a"
            " private network connect directly",
            _BEHIND,
        )
    return fine(ABOUT, "the address of the connection's peer; headers are ignored")


def _header_finding(proxy: ProxySettings, *, is_local: bool) -> Finding:
    trusted = [ip_network(network) for network in proxy.trusted_proxies]
    loopback = ip_network("127.0.0.0/8"), ip_network("::1/128")
    is_trusted = any(
        _overlap(network, local) for network in trusted for local in loopback
    )
    if is_local and not is_trusted:
        return finding(
            ABOUT,
            f"client_ip = {proxy.client_ip!r} has no effect: every request comes from"
            " this machine, which is not a trusted proxy",
            'add "127.0.0.1" to trusted_proxies; ' + _BEHIND,
        )
    return fine(ABOUT, f"{proxy.client_ip}, from trusted proxies only")


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def is_too_wide(network: Network) -> bool:
    """Whether *network* contains more public addresses than any proxy's network."""
    is_wide = network.prefixlen < _WIDEST[network.version]
    # The whole address space counts as private in some versions of Python.
    return is_wide and (network.prefixlen == 0 or not network.is_private)


def _network_findings(proxy: ProxySettings) -> Iterator[Finding]:
    """Yield a finding for each trusted network that is too large."""
    for text in proxy.trusted_proxies:
        if is_too_wide(ip_network(text)):
            yield finding(
                ABOUT,
                f"trusted_proxies contains {text}: every client in that network can"
                " forge its address",
                "name the networks of your own proxies, or those your CDN publishes",
            )
