"""The only place that turns a request's headers into the facts of its sender."""

from multidict import istr

from proxy.client.client import ClientFinder, ClientSource
from proxy.pipeline.opt_out import parse_signals
from proxy.pipeline.sender import Sender
from proxy.transport.request import Request

_ORIGIN = istr("Origin")
_HOST = istr("Host")
_AUTHORIZATION = istr("Authorization")


def sender_of(request: Request, protocol: str, clients: ClientSource) -> Sender:
    """Return the sender of *request*; does not yet read address and User-Agent."""
    headers = request.headers
    return Sender(
        protocol,
        ClientFinder(clients, request.peer, headers),
        parse_signals(headers),
        headers.get(_ORIGIN),
        headers.get(_HOST),
        headers.get(_AUTHORIZATION),
    )
