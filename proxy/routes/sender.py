"""The facts of a request's sender: the one place where its headers become them."""

from multidict import istr

from proxy.client.client import ClientFinder, ClientSource
from proxy.pipeline.opt_out import signals_of
from proxy.pipeline.sender import Sender
from proxy.transport.request import Request

_ORIGIN = istr("Origin")
_HOST = istr("Host")
_AUTHORIZATION = istr("Authorization")


def sender_of(request: Request, protocol: str, clients: ClientSource) -> Sender:
    """Return who sends *request*; address and User-Agent are not looked at yet."""
    headers = request.headers
    return Sender(
        protocol,
        ClientFinder(clients, request.peer, headers),
        signals_of(headers),
        headers.get(_ORIGIN),
        headers.get(_HOST),
        headers.get(_AUTHORIZATION),
    )
