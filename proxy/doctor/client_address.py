"""Whether each visitor's address would be found, and could not be forged.

What contradicts itself is refused by the configuration's own check; here stands what
is sound as text and wrong for where the proxy listens.
"""

from collections.abc import Iterator
from ipaddress import ip_network

from config.settings import ProxySettings
from proxy.client.addresses import PRIVATE, Address, Network, Networks, parse_address
from proxy.doctor.finding import Finding, finding, fine, look

ABOUT = "client address"
_LOOPBACK = Networks(("127.0.0.0/8", "::1/128"))

_BEHIND = 'see docs/operations.md, "Behind a web server"'
# No CDN owns a wider network: Cloudflare's widest are a /12 and a /29.
_WIDEST = {4: 8, 6: 16}


def client_address(proxy: ProxySettings) -> Iterator[Finding]:
    """Yield what is to say of ``proxy.client_ip`` and ``proxy.trusted_proxies``."""
    listens = address_of(proxy.host)
    is_local = is_loopback(listens)
    if proxy.client_ip == "peer":
        yield _of_peer(listens, is_local=is_local)
    else:
        yield _of_header(proxy, is_local=is_local)
    yield from _too_wide(proxy)


def address_of(host: str) -> Address | None:
    """Return the address the proxy listens on, None where it is a name."""
    return parse_address("127.0.0.1" if host == "localhost" else host)


def is_loopback(address: Address | None) -> bool:
    """Return whether only this machine can reach *address*."""
    return address is not None and address in _LOOPBACK


def _of_peer(listens: Address | None, *, is_local: bool) -> Finding:
    if is_local:
        return finding(
            ABOUT,
            "private peer, no trusted proxy configured: the proxy can be reached from"
            " this machine only, so the web server in front would be every visitor",
            'set client_ip = "xff" and trusted_proxies = ["127.0.0.1"]; ' + _BEHIND,
        )
    if listens and not listens.is_unspecified and listens in PRIVATE:
        return look(
            ABOUT,
            "private peer, no trusted proxy configured: right only if visitors of a"
            " private network connect themselves",
            _BEHIND,
        )
    return fine(ABOUT, "the other end of the socket; no header is believed")


def _of_header(proxy: ProxySettings, *, is_local: bool) -> Finding:
    trusted = [ip_network(each) for each in proxy.trusted_proxies]
    local = ip_network("127.0.0.0/8"), ip_network("::1/128")
    if is_local and not any(_overlap(each, here) for each in trusted for here in local):
        return finding(
            ABOUT,
            f"client_ip = {proxy.client_ip!r} is never believed: every request comes"
            " from this machine, which is no trusted proxy",
            'add "127.0.0.1" to trusted_proxies; ' + _BEHIND,
        )
    return fine(ABOUT, f"{proxy.client_ip}, believed of trusted proxies only")


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _too_wide(proxy: ProxySettings) -> Iterator[Finding]:
    for text in proxy.trusted_proxies:
        network = ip_network(text)
        is_wide = network.prefixlen < _WIDEST[network.version]
        if is_wide and not network.is_private:
            yield finding(
                ABOUT,
                f"trusted_proxies holds {text}: whoever sends from there can claim to"
                " be anybody",
                "name the networks of your own proxies, or those your CDN publishes",
            )
