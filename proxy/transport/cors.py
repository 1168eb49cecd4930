"""CORS headers: pages of the configured sites may read responses, no other page.

Vendors' clients send credentials; browsers then require the exact origin.
"""

from multidict import MultiMapping, istr

from proxy.pipeline.sites import Sites

_ORIGIN = istr("Origin")
_REQUESTED_HEADERS = istr("Access-Control-Request-Headers")
_METHODS = "POST, GET, OPTIONS"
_DEFAULT_HEADERS = "content-type"
# Longer than any client's list; a longer list is not repeated in the response.
_MAX_LIST_LENGTH = 500
_LIST_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-, "
)
_DAY_S = 86_400


class Cors:
    """Decides from a request's origin which CORS headers its response carries."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites

    def origin(self, headers: MultiMapping[str]) -> str | None:
        """Return the request's origin if it is a page of any site, else None."""
        return self._sites.known_origin(headers.get(_ORIGIN))

    def headers(self, headers: MultiMapping[str]) -> dict[str, str]:
        """Return the headers that let a site's page read the response."""
        return allow_origin(self.origin(headers))

    def preflight_headers(self, headers: MultiMapping[str]) -> dict[str, str]:
        """Return the headers that let a site's page send the request it announces."""
        requested = headers.get(_REQUESTED_HEADERS, "")
        if (
            not requested
            or len(requested) > _MAX_LIST_LENGTH
            or not _LIST_CHARACTERS.issuperset(requested)
        ):
            requested = _DEFAULT_HEADERS
        return {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": requested,
            "Access-Control-Max-Age": f"{_DAY_S}",
            "Vary": "Origin",
            **self.headers(headers),
        }


def allow_origin(origin: str | None) -> dict[str, str]:
    """Return the headers for a known *origin*, or no headers if it is None."""
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
