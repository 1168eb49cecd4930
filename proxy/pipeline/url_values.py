"""URLs inside property values: they are kept without query and fragment."""

import re
from urllib.parse import unquote

from proxy.page.path_scrub import PathScrub

_DECODINGS = 3
_ENCODED_SCHEME = re.compile(r"%(?:25)*3A%(?:25)*2F%(?:25)*2F", re.IGNORECASE)
# A URL with a scheme anywhere; a path, or a host with a path or query, at the start.
_URL = re.compile(
    r"(?P<host>(?:[a-z][a-z0-9+.-]*:)?//[^\s/?#]*"
    r"|^(?:[a-z0-9-]+\.)+[a-z]{2,24}(?::[0-9]+)?(?=[/?#])"
    r"|^(?=/))"
    r"(?P<path>/[^\s?#]*)?(?P<rest>[?#]\S*)?",
    re.IGNORECASE,
)


def without_queries(text: str) -> str:
    """Return *text* with its URLs cut before query and fragment, and paths scrubbed."""
    if "/" not in text and "?" not in text and "%" not in text and "#" not in text:
        return text
    if _ENCODED_SCHEME.search(text):
        for _ in range(_DECODINGS):
            text = unquote(text)
    return _URL.sub(_stored_url, text)


def _stored_url(url: re.Match[str]) -> str:
    path = url["path"] or ""
    return url["host"] + (PathScrub().scrub(path) if path else "")
