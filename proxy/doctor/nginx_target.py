"""Decides which blocks of an nginx configuration pass requests to the proxy."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from config.settings import ProxySettings
from proxy.doctor.client_address import address_of, is_loopback
from proxy.doctor.nginx_file import NginxConfig

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
# Where variables name each other, the search stops at this depth.
_MOST_VARIABLES = 4


def is_to_proxy(url: str, config: NginxConfig, proxy: ProxySettings) -> bool:
    """Return whether *url* of a ``proxy_pass`` can be the proxy's."""
    return any(
        _is_proxy(server, proxy)
        for known in _known_urls(url, config, _MOST_VARIABLES)
        for server in _servers(known, config)
    )


def is_undecided(url: str, config: NginxConfig) -> bool:
    """Return whether *url* contains a variable whose value is not in the files."""
    return not any(_known_urls(url, config, _MOST_VARIABLES))


def _known_urls(url: str, config: NginxConfig, depth: int) -> Iterator[str]:
    """Yield *url* with the values of the variables that select the server."""
    authority = re.match(r"(\w+://)?[^/?]*", url)
    variable = _VARIABLE.search(authority[0] if authority else "")
    if variable is None:
        yield url
    elif depth:
        for value in config.values.get(variable[1] or variable[2], ()):
            replaced = url.replace(variable[0], value, 1)
            yield from _known_urls(replaced, config, depth - 1)


def _servers(url: str, config: NginxConfig) -> Iterator[str]:
    """Yield the servers of *url*, each with its port."""
    # A target of `stream` has no scheme.
    parts = urlsplit(url if "://" in url else f"http://{url}")
    for server in config.upstreams.get(parts.netloc, [parts.netloc]):
        has_port = re.search(r":\d+$", server) is not None
        yield server if has_port else f"{server}:{_DEFAULT_PORTS.get(parts.scheme)}"


def _is_proxy(server: str, proxy: ProxySettings) -> bool:
    host, _, port = server.rpartition(":")
    if port != str(proxy.port):
        return False
    own = address_of(proxy.host)
    # A proxy that listens on all addresses can have any address or name.
    listens_everywhere = own is not None and own.is_unspecified
    return (
        listens_everywhere
        or host == proxy.host
        or is_loopback(address_of(host.strip("[]").lower()))
    )
