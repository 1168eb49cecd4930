"""What pages on another host may read: headers for the origins of the sites, no other.

Vendors' clients ask with credentials, for which a browser wants the exact origin.
"""

from multidict import MultiMapping, istr

from proxy.pipeline.sites import Sites

_ORIGIN = istr("Origin")
_WANTED = istr("Access-Control-Request-Headers")
_METHODS = "POST, GET, OPTIONS"
_PLAIN_HEADERS = "content-type"
# Longer than any client's list; nothing longer is repeated.
_LONGEST_LIST = 500
_LIST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-, ")
_DAY_S = 86_400


class Cors:
    """Reads a request's origin and says what its page may do."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites

    def origin(self, headers: MultiMapping[str]) -> str | None:
        """Return the origin of *headers* if it is a page of any of the sites."""
        return self._sites.known_origin(headers.get(_ORIGIN))

    def headers(self, headers: MultiMapping[str]) -> dict[str, str]:
        """Return the headers that let a page of ours read the answer."""
        return allow(self.origin(headers))

    def preflight(self, headers: MultiMapping[str]) -> dict[str, str]:
        """Return the headers that let a page of ours send what it asks to send."""
        wanted = headers.get(_WANTED, "")
        if not wanted or len(wanted) > _LONGEST_LIST or not _LIST.issuperset(wanted):
            wanted = _PLAIN_HEADERS
        return {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": wanted,
            "Access-Control-Max-Age": f"{_DAY_S}",
            "Vary": "Origin",
            **self.headers(headers),
        }


def allow(origin: str | None) -> dict[str, str]:
    """Return the headers for a known *origin*; none where there is none."""
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
