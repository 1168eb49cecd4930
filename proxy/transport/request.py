"""One complete HTTP request, as routes and protocols receive it."""

from typing import NoReturn

from multidict import MultiMapping


class Request:
    """A request whose body has arrived; its repr shows nothing of it.

    *path* is as the client sent it, without the query. *peer* is the address at the
    other end of the socket.
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
