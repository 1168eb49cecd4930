"""The table of sources that send visitors: their names, hosts and classes."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from proxy.lists import read_list

_DIGITS = "0123456789"


class SourceClass(StrEnum):
    """The kind of source; ``proxy/data`` has one list for each."""

    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    AI = "ai"
    EMAIL = "email"
    ADS = "ads"
    OTHER = "other"


class Source(NamedTuple):
    """A source with the name that reports show; no class if it is not in the table."""

    name: str
    kind: SourceClass | None


class Sources:
    """All sources, found by host, by brand or by their names in campaigns."""

    def __init__(self) -> None:
        self._hosts: dict[str, Source] = {}
        self._brands: dict[str, Source] = {}
        self._first_labels: dict[str, Source] = {}
        self._names: dict[str, Source] = {}
        for kind in SourceClass:
            for entry in read_list(f"sources_{kind}.txt"):
                self._add(entry, kind)

    def of_host(self, host: str, suffix: str | None = None) -> Source | None:
        """Return the source that *host* belongs to; *suffix* is its public suffix.

        The longest match counts: the host itself, a brand before any public suffix, or
        a parent domain. If nothing matches, the first label of the host decides, also
        with digits after it.
        """
        listed = self.listed(host, suffix)
        if listed is not None:
            return listed
        label, _, rest = host.partition(".")
        return self._first_labels.get(label.rstrip(_DIGITS)) if "." in rest else None

    def listed(self, host: str, suffix: str | None = None) -> Source | None:
        """Return the source that *host* belongs to, whatever its first label is."""
        by_host = _longest_match(self._hosts, host)
        by_brand = ""
        if suffix is not None and len(suffix) < len(host):
            by_brand = _longest_match(self._brands, host[: -len(suffix) - 1])
        if by_brand and len(f"{by_brand}.{suffix}") >= len(by_host):
            return self._brands[by_brand]
        return self._hosts[by_host] if by_host else None

    def hosts(self) -> frozenset[str]:
        """Return every host in the table."""
        return frozenset(self._hosts)

    def named(self, text: str) -> Source | None:
        """Return the source that campaigns call *text*."""
        return self._names.get(text.lower().replace(" ", ""))

    def _add(self, entry: str, kind: SourceClass) -> None:
        name, _, rest = entry.partition(": ")
        hosts, _, names = rest.partition("|")
        source = Source(name, kind)
        for host in hosts.split():
            if host.endswith(".*"):
                self._brands[host[:-2]] = source
            elif host.endswith(".+"):
                self._first_labels[host[:-2]] = source
            else:
                self._hosts[host] = source
        self._names.update(dict.fromkeys(names.split(), source))


@cache
def load_sources() -> Sources:
    """Return the table; it is loaded once."""
    return Sources()


def parents(host: str) -> Iterator[str]:
    """Yield *host*, then each of its parent domains."""
    while host:
        yield host
        host = host.partition(".")[2]


def _longest_match(table: dict[str, Source], host: str) -> str:
    return next((name for name in parents(host) if name in table), "")
