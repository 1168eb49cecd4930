"""Parses addresses from text, strictly: text that is not an address gives None.

Nothing here stores what it parses.
"""

import re
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# 192.0.2.1:443, [2001:db8::1], [2001:db8::1]:443 and RFC 7239's hidden ports (:_p).
_WITH_PORT = re.compile(
    r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_IPV4_BITS = 32


class Networks:
    """A set of networks; ``address in networks`` asks whether any contains it."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._by_version: dict[int, list[Network]] = {4: [], 6: []}
        for text in networks:
            network = _unmapped(ip_network(text, strict=False))
            self._by_version[network.version].append(network)

    def __contains__(self, address: Address) -> bool:
        """Return whether any of the networks contains *address*."""
        return any(address in network for network in self._by_version[address.version])


def parse_address(text: str) -> Address | None:
    """Return the address in *text*, None if it is not an address.

    A port, brackets and an IPv6 zone are removed; an IPv4-mapped IPv6 address becomes
    IPv4.
    """
    match = _WITH_PORT.fullmatch(text)
    bare = text if match is None else match["six"] or match["four"]
    if ":" in bare:
        bare = bare.partition("%")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def _unmapped(network: Network) -> Network:
    """Return a network of IPv4-mapped IPv6 addresses as its IPv4 network."""
    if isinstance(network, IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    base = IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
    return IPv4Network((base, network.prefixlen - _MAPPED.prefixlen))


# Not ipaddress' is_private: that includes the documentation ranges, which tests and
# examples use as the addresses of public visitors.
PRIVATE = Networks(
    (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
        "::/127",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    )
)
