"""Where browsers reach Millpond: a setting, a trusted proxy's header, or ``Host``."""

from urllib.parse import urlsplit

from multidict import MultiMapping, istr

from config.settings import ProxySettings
from proxy.client.client import ClientSource
from proxy.protocols.protocol import PublicAddress
from proxy.transport.request import Request

_HOST = istr("Host")
_FORWARDED_HOST = istr("X-Forwarded-Host")
_FORWARDED_SCHEME = istr("X-Forwarded-Proto")
_SCHEMES = frozenset({"http", "https"})


class PublicAddresses:
    """Finds the address of a request; only a trusted proxy's headers are read.

    Otherwise any client could have settings sent to it that name a foreign host, and a
    cache in front could hand them to others.
    """

    def __init__(self, settings: ProxySettings, clients: ClientSource) -> None:
        self._clients = clients
        self._configured: PublicAddress | None = None
        if settings.public_url:
            url = urlsplit(settings.public_url)
            self._configured = PublicAddress(url.netloc, url.scheme, url.path)

    def of(self, request: Request) -> PublicAddress:
        """Return the address that the client of *request* used."""
        if self._configured is not None:
            return self._configured
        headers = request.headers
        host = headers.get(_HOST, "")
        if not self._clients.is_trusted(request.peer):
            return PublicAddress(host)
        scheme = _last(headers, _FORWARDED_SCHEME).lower()
        return PublicAddress(
            _last(headers, _FORWARDED_HOST) or host,
            scheme if scheme in _SCHEMES else None,
        )


def _last(headers: MultiMapping[str], name: str) -> str:
    """Return the last value of a list: the nearest proxy appended it."""
    lines = headers.getall(name, [""])
    return lines[-1].rpartition(",")[2].strip()
