"""Who a request came from: lives as long as the request, and shows nothing."""

from multidict import MultiMapping

from proxy.client import Client


class Sender:
    """The peer and headers of one request; the client is worked out when needed.

    An objection must be heard before the address is looked at, so construction
    looks at nothing.
    """

    __slots__ = ("client", "headers", "peer", "protocol")

    def __init__(
        self, headers: MultiMapping[str], peer: str | None, protocol: str
    ) -> None:
        self.headers = headers
        self.peer = peer
        self.protocol = protocol
        self.client: Client | None = None

    def __repr__(self) -> str:
        """Show nothing of the sender."""
        return "Sender(…)"

    def __reduce__(self) -> str:
        """Refuse to be pickled: that would write the address."""
        raise TypeError("a Sender cannot be pickled")
