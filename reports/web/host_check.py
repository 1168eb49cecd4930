"""Who may talk to the private server: its own pages and local programs, by name.

A foreign page can make a browser send requests here, under a name of its own that
it points at this machine. Such a name stands in ``Host``, so only names that cannot
be pointed elsewhere are answered: addresses, localhost, and the configured host.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_LOCAL: Final = "localhost"
_NAME: Final = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")


def is_own_host(host: str | None, configured: str) -> bool:
    """Return whether the *host* header names this server and could not be faked."""
    match = _NAME.fullmatch(host or "")
    if match is None:
        return False
    name = match[1].lower().strip("[]").removesuffix(".")
    return name in (_LOCAL, configured.lower()) or _is_address(name)


def is_own_origin(origin: str | None, host: str) -> bool:
    """Return whether a page of *origin*, if any, is one that *host* itself served."""
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
