"""The key in an ``Authorization`` header: a Bearer token or the name in Basic.

Vendors' clients send their keys there. The key names the site, and proves whether the
site's own server is calling.
"""

import base64
import binascii

# No valid key is longer; the rest of a longer value is ignored.
MAX_CREDENTIAL_LENGTH = 1_024


def parse_key(credential: str) -> str | None:
    """Return the key in a header value, None for any other scheme."""
    scheme, _, rest = credential[:MAX_CREDENTIAL_LENGTH].strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() == "basic":
        return _decode_basic_name(rest.strip())
    return None


def _decode_basic_name(encoded: str) -> str | None:
    try:
        decoded = base64.b64decode(encoded.encode(), validate=True)
        return decoded.partition(b":")[0].decode() or None
    except (binascii.Error, UnicodeError):
        return None
