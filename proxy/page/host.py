"""The host of a URL, in the normal form that is compared and stored."""

import re
from collections.abc import Iterable

from proxy.client.addresses import parse_address
from proxy.pii.detect import looks_personal

_LONGEST_AUTHORITY = 1_024
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?").fullmatch
_PLAIN_LABEL = r"[a-z]{1,15}(?:-[a-z]{1,15}){0,3}[0-9]{0,3}"
_PLAIN_HOST = re.compile(rf"{_PLAIN_LABEL}(?:\.{_PLAIN_LABEL})*").fullmatch
_LONG_DIGITS = re.compile("[0-9]{6}")
# The labels of an IPv4 address, or of the pieces of a number.
_NUMBER_LABELS = re.compile(r"(?:[0-9]+\.){3,}")
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


def scrub_host(host: str) -> str:
    """Return *host* with ``*`` in place of its labels up to the last personal one."""
    if _PLAIN_HOST(host):
        return host
    labels = host.split(".")
    personal = [place for place, label in enumerate(labels) if _is_personal(label)]
    numbers = _NUMBER_LABELS.match(host)
    if numbers is not None:
        personal.append(numbers[0].count(".") - 1)
    if not personal:
        return host
    return ".".join(["*", *labels[max(personal) + 1 :]])


def is_personal_host(host: str) -> bool:
    """Whether a label of *host* looks like a token, a number or an address."""
    return scrub_host(host) != host


def _is_personal(label: str) -> bool:
    return _LONG_DIGITS.search(label) is not None or looks_personal(label)


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

    def storable(self, host: str) -> str:
        """Return *host* as it is stored: personal only where the site names it."""
        return host if host in self._exact else scrub_host(host)
