"""The host of a URL, in the normal form that is compared and stored."""

import re
from collections.abc import Iterable

from proxy.client.addresses import parse_address

_LONGEST_AUTHORITY = 1_024
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?").fullmatch
_PORT = re.compile(r":[0-9]*$")


def parse_host(authority: str) -> str | None:
    """Return the host of *authority* in lower case, without credentials and port.

    The result contains only ``a-z``, ``0-9``, ``.`` and ``-``. Returns None for a host
    that needs other characters, such as an IPv6 address.
    """
    if _HOST(authority) and ".." not in authority:
        return authority
    if len(authority) > _LONGEST_AUTHORITY:
        return None
    bare = _PORT.sub("", authority.rpartition("@")[2]).rstrip(".").lower()
    if not bare.isascii():
        bare = _punycode(bare)
    return bare if _HOST(bare) and ".." not in bare else None


def is_address(host: str) -> bool:
    """Whether *host* is an IP address, not a name."""
    return host[-1].isdigit() and parse_address(host) is not None


def without_www(host: str) -> str:
    """Return *host* without a leading ``www.``."""
    return host[4:] if host.startswith("www.") and host.count(".") > 1 else host


def _punycode(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


class OwnHosts:
    """The hosts of a site's ``domains``; ``*.`` matches every subdomain.

    A leading ``www.`` makes no difference.
    """

    def __init__(self, domains: Iterable[str]) -> None:
        names = tuple(domains)
        bare = {without_www(name) for name in names if not name.startswith("*.")}
        self._exact = frozenset(bare | {f"www.{name}" for name in bare})
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))

    def __contains__(self, host: str) -> bool:
        """Whether *host* belongs to the site."""
        return host in self._exact or host.endswith(self._suffixes)
