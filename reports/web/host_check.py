"""Checks whether a request comes from our own page or from a local program.

A page of another site can point its own domain at this machine (DNS rebinding). The
browser then sends the page's requests here, with that domain in ``Host``. So the server
only accepts hosts that nobody else can point here: IP addresses, localhost, and the
configured host.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_LOCAL: Final = "localhost"
_NAME: Final = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")


def is_own_host(host: str | None, configured: str) -> bool:
    """Return whether *host* is an accepted value of the ``Host`` header."""
    match = _NAME.fullmatch(host or "")
    if match is None:
        return False
    name = match[1].lower().strip("[]").removesuffix(".")
    return name in (_LOCAL, configured.lower()) or _is_address(name)


def is_own_origin(origin: str | None, host: str) -> bool:
    """Return whether *origin* is that of *host*; a request without one is accepted."""
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
