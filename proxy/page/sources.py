"""The kept table of who sends visitors: names, their hosts, and their class."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from proxy.lists import read_list


class SourceClass(StrEnum):
    """The kind of sender; one list in ``proxy/data`` each."""

    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    AI = "ai"
    EMAIL = "email"
    OTHER = "other"


class Source(NamedTuple):
    """A sender under the name reports show; no class where it is not in the table."""

    name: str
    kind: SourceClass | None


class Sources:
    """All senders, found by host, by brand or by what campaigns call them."""

    def __init__(self) -> None:
        self._hosts: dict[str, Source] = {}
        self._brands: dict[str, Source] = {}
        self._first_labels: dict[str, Source] = {}
        self._names: dict[str, Source] = {}
        for kind in SourceClass:
            for entry in read_list(f"sources_{kind}.txt"):
                self._add(entry, kind)

    def of_host(self, host: str, suffix: str | None = None) -> Source | None:
        """Return whose *host* is; *suffix* is its public suffix.

        The longest entry that *host* ends with counts: its own, a brand on its
        suffix, or that of a domain above it. Last, its first label may say what it is.
        """
        by_host = _nearest(self._hosts, host)
        by_brand = ""
        if suffix is not None and len(suffix) < len(host):
            by_brand = _nearest(self._brands, host[: -len(suffix) - 1])
        if by_brand and len(f"{by_brand}.{suffix}") >= len(by_host):
            return self._brands[by_brand]
        if by_host:
            return self._hosts[by_host]
        label, _, rest = host.partition(".")
        return self._first_labels.get(label) if "." in rest else None

    def hosts(self) -> frozenset[str]:
        """Return every host of the table."""
        return frozenset(self._hosts)

    def named(self, text: str) -> Source | None:
        """Return whom a campaign means by *text*."""
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
    """Return the table, read once."""
    return Sources()


def parents(host: str) -> Iterator[str]:
    """Yield *host*, then every domain above it."""
    while host:
        yield host
        host = host.partition(".")[2]


def _nearest(table: dict[str, Source], host: str) -> str:
    return next((name for name in parents(host) if name in table), "")
