"""The key in an ``Authorization`` header: Bearer, or the name of a Basic credential.

Vendors' clients put their keys there; it says which site is meant, and whether its own
server is calling.
"""

import base64
import binascii

# No key is longer; nothing longer is looked at.
LONGEST_CREDENTIAL = 1_024


def key_of(credential: str) -> str | None:
    """Return the key a header value holds, None where its scheme is another."""
    scheme, _, rest = credential[:LONGEST_CREDENTIAL].strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() == "basic":
        return _basic_name(rest.strip())
    return None


def _basic_name(encoded: str) -> str | None:
    try:
        decoded = base64.b64decode(encoded.encode(), validate=True)
        return decoded.partition(b":")[0].decode() or None
    except (binascii.Error, UnicodeError):
        return None
