"""One HTTP request, wholly read: what every route and protocol works on."""

from typing import NoReturn

from multidict import MultiMapping


class Request:
    """A request whose body has come; lives as long as its answer, and shows nothing.

    *path* is as it was sent, without the query; *peer* is the other end of the socket.
    """

    __slots__ = ("body", "headers", "method", "path", "peer", "query")

    def __init__(
        self,
        method: str,
        target: str,
        headers: MultiMapping[str],
        peer: str | None,
        body: bytes = b"",
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.peer = peer
        self.body = body

    def __repr__(self) -> str:
        """Show nothing of the request."""
        return "Request(…)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: that would write the address."""
        raise TypeError("a Request cannot be pickled")
