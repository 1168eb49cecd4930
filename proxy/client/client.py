"""Who sent a request: the address and User-Agent that must never leave memory.

``Client`` is the only value that holds them. ``ClientSource`` finds the address: from
one configured place, and from a header only where a trusted proxy wrote it.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, NoReturn

from multidict import MultiMapping, istr

from config.settings import ProxySettings
from proxy.client.addresses import PRIVATE, Networks, parse_address
from proxy.client.forwarded import Hops, forwarded_hops, single_hop, xff_hops
from proxy.client.visitor import encode_client

_MOST_CACHED = 4_096
# An IPv6 address with brackets, zone and port; longer text is none and is not kept.
_LONGEST_HOP = 96
_LONGEST_REMEMBERED = 512
_USER_AGENT = istr("User-Agent")


class Client:
    """The address and User-Agent of one request; shows nothing, cannot be copied out.

    Not a dataclass or a Struct: those can be turned into dictionaries and JSON.
    """

    __slots__ = ("address", "encoded", "user_agent")

    address: str | None
    user_agent: str
    # What a visitor is hashed of; nothing where the address is not known.
    encoded: bytes | None

    def __init__(self, address: str | None, user_agent: str) -> None:
        encoded = None if address is None else encode_client(address, user_agent)
        object.__setattr__(self, "address", address)
        object.__setattr__(self, "user_agent", user_agent)
        object.__setattr__(self, "encoded", encoded)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: a client does not change."""
        raise AttributeError(f"a Client is read only: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse: a client does not change."""
        raise AttributeError(f"a Client is read only: {name}")

    def __repr__(self) -> str:
        """Show that there is a client, and nothing of it."""
        return "Client(…)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled or copied: both lead out of the request."""
        raise TypeError("a Client cannot be pickled or copied")


class _Hop(NamedTuple):
    """One address, and what this installation thinks of it."""

    address: str | None
    trusted: bool = False
    private: bool = False


_UNKNOWN = _Hop(None)

_HEADERS: dict[str, tuple[istr, Callable[[Sequence[str]], Hops]]] = {
    "xff": (istr("X-Forwarded-For"), xff_hops),
    "forwarded": (istr("Forwarded"), forwarded_hops),
}


class ClientSource:
    """Finds the client's address where the configuration says it stands."""

    def __init__(self, proxy: ProxySettings) -> None:
        self._trusted = Networks(proxy.trusted_proxies)
        self._takes_private = proxy.private_clients
        self._header, self._hops = _header_of(proxy.client_ip)
        self._hop = lru_cache(maxsize=_MOST_CACHED)(self._judge)
        self._made = lru_cache(maxsize=_MOST_CACHED)(Client)
        # Requests whose forwarding header was ignored: a wrong setting, or a forgery.
        self.untrusted_headers = 0

    def address(self, peer: str | None, headers: MultiMapping[str]) -> str | None:
        """Return the client's address in canonical spelling, None where unknown.

        *peer* is the other end of the socket. A header of a peer that is not a
        trusted proxy is ignored and counted.
        """
        sender = self._hop(peer) if peer else _UNKNOWN
        if self._header is None:
            return sender.address
        lines = headers.getall(self._header, ())
        if sender.trusted:
            return self._first_untrusted(self._hops(lines))
        if lines:
            self.untrusted_headers += 1
        return sender.address

    def client(self, peer: str | None, headers: MultiMapping[str]) -> Client:
        """Return who sent a request with these *headers*."""
        agent = headers.get(_USER_AGENT, "")
        return self._client(self.address(peer, headers), agent)

    def named(self, address: str, user_agent: str) -> Client:
        """Return a client that a record names: no proxy stands before it."""
        return self._client(self.canonical(address), user_agent)

    def _client(self, address: str | None, agent: str) -> Client:
        if not agent.isascii():
            # Bytes that are no UTF-8 come as surrogates, which cannot be read on.
            agent = agent.encode("utf-8", "replace").decode()
        if len(agent) > _LONGEST_REMEMBERED:
            return Client(address, agent)
        return self._made(address, agent)

    def canonical(self, address: str) -> str | None:
        """Return *address* in canonical spelling, None where it is none."""
        return self._hop(address).address if len(address) <= _LONGEST_HOP else None

    @property
    def cached(self) -> int:
        """How many addresses are held in memory."""
        return self._hop.cache_info().currsize

    def forget(self) -> None:
        """Empty the caches of addresses and clients."""
        self._hop.cache_clear()
        self._made.cache_clear()

    def _first_untrusted(self, hops: Hops) -> str | None:
        """Return the nearest hop that is no proxy of ours, the furthest if all are."""
        found = _UNKNOWN
        for text in hops:
            found = self._hop(text) if len(text) <= _LONGEST_HOP else _UNKNOWN
            if not found.trusted:
                break
        if found.private and not self._takes_private:
            return None
        return found.address

    def _judge(self, text: str) -> _Hop:
        address = parse_address(text)
        if address is None:
            return _UNKNOWN
        return _Hop(str(address), address in self._trusted, address in PRIVATE)


def _header_of(
    client_ip: str,
) -> tuple[istr | None, Callable[[Sequence[str]], Hops]]:
    if client_ip == "peer":
        return None, single_hop
    if client_ip.startswith("header:"):
        return istr(client_ip.removeprefix("header:")), single_hop
    return _HEADERS[client_ip]


class ClientFinder:
    """Finds the client of one request when it is first asked for; shows nothing."""

    __slots__ = ("_clients", "_found", "_headers", "_peer")

    def __init__(
        self,
        clients: ClientSource,
        peer: str | None,
        headers: MultiMapping[str],
    ) -> None:
        self._clients = clients
        self._peer = peer
        self._headers = headers
        self._found: Client | None = None

    @classmethod
    def known(cls, client: Client) -> "ClientFinder":
        """Return a finder of *client*, for which nothing has to be looked for."""
        finder = cls.__new__(cls)
        finder._found = client  # noqa: SLF001 - it is a constructor
        return finder

    def __call__(self) -> Client:
        """Return the client, looked for once."""
        if self._found is None:
            self._found = self._clients.client(self._peer, self._headers)
        return self._found

    def __repr__(self) -> str:
        """Show nothing of the client."""
        return "ClientFinder(…)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled or copied: that would write the address."""
        raise TypeError("a ClientFinder cannot be pickled or copied")
