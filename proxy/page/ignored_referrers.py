"""Referrers that only bring a visitor back: payment, bank and login pages."""

from collections.abc import Iterable

from proxy.lists import read_groups
from proxy.page.host import OwnHosts
from proxy.page.sources import load_sources, parents

_WILDCARD = "*."
_DIGITS = "0123456789"


class IgnoredReferrers:
    """The hosts in ``proxy/data/ignored_referrers.txt``, which bring nobody new."""

    def __init__(self) -> None:
        words = frozenset[str]().union(*read_groups("ignored_referrers.txt").values())
        self._brands = _without_end(words, ".*")
        self._first_labels = _without_end(words, ".+")
        self._hosts = words
        self._source_hosts = load_sources().hosts()

    def holds(self, host: str, suffix: str | None) -> bool:
        """Whether *host* only brings visitors back; *suffix* is its public suffix."""
        if not self._hosts.isdisjoint(parents(host)):
            return True
        if suffix is not None and len(suffix) < len(host):
            before_suffix = host[: -len(suffix) - 1]
            if not self._brands.isdisjoint(parents(before_suffix)):
                return True
        label, _, rest = host.partition(".")
        return (
            "." in rest
            and (label.rstrip(_DIGITS) in self._first_labels)
            and host not in self._source_hosts
        )


def starting_no_acquisition(
    domains: Iterable[str], ignore_referrers: Iterable[str]
) -> OwnHosts:
    """Return the hosts whose links start no acquisition on a site.

    They are the site's own, and *ignore_referrers* with their subdomains.
    """
    ignored = tuple(host.removeprefix(_WILDCARD) for host in ignore_referrers)
    return OwnHosts((*domains, *ignored, *(_WILDCARD + host for host in ignored)))


def _without_end(words: Iterable[str], end: str) -> frozenset[str]:
    return frozenset(word.removesuffix(end) for word in words if word.endswith(end))
