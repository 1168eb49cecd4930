"""Which hosts are a site's own."""

from collections.abc import Iterable

from proxy.host import without_www


class OwnHosts:
    """The hosts of a site's ``domains``; ``*.`` takes in every subdomain.

    A leading ``www.`` makes no difference.
    """

    def __init__(self, domains: Iterable[str]) -> None:
        named = tuple(domains)
        bare = {without_www(name) for name in named if not name.startswith("*.")}
        self._exact = frozenset(bare | {f"www.{name}" for name in bare})
        self._suffixes = tuple(name[1:] for name in named if name.startswith("*."))

    def __contains__(self, host: str) -> bool:
        """Whether *host* is one of them."""
        return host in self._exact or host.endswith(self._suffixes)
