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

    def of_host(self, host: str) -> Source | None:
        """Return whose *host* is, by itself or by the nearest domain above it."""
        return _nearest(self._hosts, host)

    def of_brand(self, brand: str) -> Source | None:
        """Return whose *brand* is: a host without its public suffix."""
        return _nearest(self._brands, brand)

    def of_first_label(self, host: str) -> Source | None:
        """Return what *host* is by its first label, where two more follow."""
        label, _, rest = host.partition(".")
        return self._first_labels.get(label) if "." in rest else None

    def named(self, text: str) -> Source | None:
        """Return whom a campaign means by *text*: a name or a host."""
        name = text.strip().lower()
        found = self._names.get(name)
        if found is None and "." in name:
            found = self.of_host(name)
        return found

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


def _nearest(table: dict[str, Source], host: str) -> Source | None:
    return next((table[name] for name in parents(host) if name in table), None)
