"""The client of a request: an address and User-Agent that must never leave memory.

``Client`` is the only value that holds them. ``ClientSource`` finds the address where
the settings say, and trusts a header only if a trusted proxy sent it.
"""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, NoReturn

from multidict import MultiMapping, istr

from config.settings import ProxySettings
from proxy.client.addresses import PRIVATE, Networks, parse_address
from proxy.client.forwarded import Hops, forwarded_hops, single_hop, xff_hops
from proxy.client.new_visitors import NewVisitors
from proxy.client.visitor import encode_client

_MAX_CACHED = 4_096
# An IPv6 address with brackets, zone and port; longer text is not an address, and is
# not cached.
_MAX_HOP_LENGTH = 96
_MAX_CACHED_AGENT_LENGTH = 512
_USER_AGENT = istr("User-Agent")


class Client:
    """The address and User-Agent of one request; cannot be shown, copied or pickled.

    Not a dataclass or a Struct: those can be converted to dictionaries and JSON.
    """

    __slots__ = ("address", "encoded", "is_excess", "user_agent")

    address: str | None
    # None if the source does not have User-Agents; an absent header is empty.
    user_agent: str | None
    # The input of the visitor hash; None if the address is unknown.
    encoded: bytes | None
    # Whether its network has had too many new visitors in this minute.
    is_excess: bool

    def __init__(
        self, address: str | None, user_agent: str | None, *, is_excess: bool = False
    ) -> None:
        encoded = None if address is None else encode_client(address, user_agent or "")
        object.__setattr__(self, "address", address)
        object.__setattr__(self, "user_agent", user_agent)
        object.__setattr__(self, "encoded", encoded)
        object.__setattr__(self, "is_excess", is_excess)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: a client is immutable."""
        raise AttributeError(f"a Client is read only: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse: a client is immutable."""
        raise AttributeError(f"a Client is read only: {name}")

    def __repr__(self) -> str:
        """Show nothing of the client."""
        return "Client(…)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled or copied: a copy could outlive the request."""
        raise TypeError("a Client cannot be pickled or copied")


class _ExcessError(Exception):
    """A network has too many new visitors; an error, so that nothing is cached."""


class _Hop(NamedTuple):
    """One address, and whether it is a trusted proxy or a private address."""

    address: str | None
    is_trusted: bool = False
    is_private: bool = False


_UNKNOWN_HOP = _Hop(None)

_HEADERS: dict[str, tuple[istr, Callable[[Sequence[str]], Hops]]] = {
    "xff": (istr("X-Forwarded-For"), xff_hops),
    "forwarded": (istr("Forwarded"), forwarded_hops),
}


class ClientSource:
    """Finds the client's address where the setting ``client_ip`` says."""

    def __init__(
        self, proxy: ProxySettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._trusted = Networks(proxy.trusted_proxies)
        self._accepts_private = proxy.private_clients
        # A peer's private address is a visitor's, and a log holds the peers' addresses.
        self._accepts_private_records = (
            proxy.private_clients or proxy.client_ip == "peer"
        )
        self._header, self._parse_hops = _header_parser(proxy.client_ip)
        self._hop = lru_cache(maxsize=_MAX_CACHED)(self._parse_hop)
        self._cached_client = lru_cache(maxsize=_MAX_CACHED)(Client)
        self._cached_sender = lru_cache(maxsize=_MAX_CACHED)(self._new_sender)
        self._new_visitors = NewVisitors(proxy.new_visitors_per_minute, clock)
        # Requests whose forwarding header was ignored: a wrong setting or a forgery.
        self.untrusted_headers = 0

    def address(self, peer: str | None, headers: MultiMapping[str]) -> str | None:
        """Return the client's address in canonical form, None if it is unknown.

        *peer* is the address at the other end of the socket. The header of a peer that
        is not a trusted proxy is ignored and counted.
        """
        peer_hop = self._hop(peer) if peer else _UNKNOWN_HOP
        if self._header is None:
            return peer_hop.address
        lines = headers.getall(self._header, ())
        if peer_hop.is_trusted:
            return self._first_untrusted(self._parse_hops(lines))
        if lines:
            self.untrusted_headers += 1
        return peer_hop.address

    def is_trusted(self, peer: str | None) -> bool:
        """Return whether *peer* is a trusted proxy, whose headers are true."""
        return bool(peer) and self._hop(peer).is_trusted

    def client(self, peer: str | None, headers: MultiMapping[str]) -> Client:
        """Return the client of a request with these *headers*."""
        user_agent = headers.get(_USER_AGENT, "")
        address = self.address(peer, headers)
        if not user_agent.isascii():
            user_agent = _encodable(user_agent)
        try:
            if len(user_agent) > _MAX_CACHED_AGENT_LENGTH:
                return self._new_sender(address, user_agent)
            return self._cached_sender(address, user_agent)
        except _ExcessError:
            return Client(address, user_agent, is_excess=True)

    def _new_sender(self, address: str | None, user_agent: str) -> Client:
        """Return a client that is not in the cache, unless its network has too many."""
        client = Client(address, user_agent)
        if (
            client.encoded is not None
            and address is not None
            and not self._hop(address).is_private
            and not self._new_visitors.admit(address, client.encoded)
        ):
            raise _ExcessError
        return client

    def client_from_record(self, hops: Sequence[str], user_agent: str | None) -> Client:
        """Return the client named in a record, such as a log line.

        *hops* are the addresses in the record, the nearest first.
        """
        address = self._recorded_address(hops)
        if user_agent is None:
            return self._cached_client(address, None)
        if not user_agent.isascii():
            user_agent = _encodable(user_agent)
        if len(user_agent) > _MAX_CACHED_AGENT_LENGTH:
            return Client(address, user_agent)
        return self._cached_client(address, user_agent)

    def is_private(self, address: str) -> bool:
        """Return whether *address* is a private one."""
        return (
            self._hop(address).is_private if len(address) <= _MAX_HOP_LENGTH else False
        )

    def _recorded_address(self, hops: Sequence[str]) -> str | None:
        """Return the first public address that is no trusted proxy's.

        Without one, a private address is the visitor's where live hits count it too.
        """
        private = None
        for text in hops:
            hop = self._hop(text) if len(text) <= _MAX_HOP_LENGTH else _UNKNOWN_HOP
            if hop.address is None:
                break
            if hop.is_trusted:
                continue
            if not hop.is_private:
                return hop.address
            private = private or hop.address
        return private if self._accepts_private_records else None

    def canonical_address(self, address: str) -> str | None:
        """Return *address* in canonical form, None if it is not an address."""
        return self._hop(address).address if len(address) <= _MAX_HOP_LENGTH else None

    @property
    def cached(self) -> int:
        """Return how many addresses the cache holds."""
        return self._hop.cache_info().currsize

    def forget(self) -> None:
        """Empty the caches of addresses and clients."""
        self._hop.cache_clear()
        self._cached_client.cache_clear()
        self._cached_sender.cache_clear()

    def _first_untrusted(self, hops: Hops) -> str | None:
        """Return the nearest hop that is not a trusted proxy, else the furthest hop."""
        hop = _UNKNOWN_HOP
        for text in hops:
            hop = self._hop(text) if len(text) <= _MAX_HOP_LENGTH else _UNKNOWN_HOP
            if not hop.is_trusted:
                break
        if hop.is_private and not self._accepts_private:
            return None
        return hop.address

    def _parse_hop(self, text: str) -> _Hop:
        address = parse_address(text)
        if address is None:
            return _UNKNOWN_HOP
        return _Hop(str(address), address in self._trusted, address in PRIVATE)


def _encodable(user_agent: str) -> str:
    # Bytes that are not UTF-8 arrive as surrogates, which cannot be encoded.
    return user_agent.encode("utf-8", "replace").decode()


def _header_parser(
    client_ip: str,
) -> tuple[istr | None, Callable[[Sequence[str]], Hops]]:
    if client_ip == "peer":
        return None, single_hop
    if client_ip.startswith("header:"):
        return istr(client_ip.removeprefix("header:")), single_hop
    return _HEADERS[client_ip]


class ClientFinder:
    """Finds the client of one request on the first call; its repr shows nothing."""

    __slots__ = ("_client", "_clients", "_headers", "_peer")

    def __init__(
        self,
        clients: ClientSource,
        peer: str | None,
        headers: MultiMapping[str],
    ) -> None:
        self._clients = clients
        self._peer = peer
        self._headers = headers
        self._client: Client | None = None

    @classmethod
    def known(cls, client: Client) -> "ClientFinder":
        """Return a finder of a *client* that is already known."""
        finder = cls.__new__(cls)
        finder._client = client  # noqa: SLF001 - it is a constructor
        return finder

    def __call__(self) -> Client:
        """Return the client; only the first call finds it."""
        if self._client is None:
            self._client = self._clients.client(self._peer, self._headers)
        return self._client

    def __repr__(self) -> str:
        """Show nothing of the client."""
        return "ClientFinder(…)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled or copied: that would write the address."""
        raise TypeError("a ClientFinder cannot be pickled or copied")
