"""Languages by their primary tag: regions and variants would narrow visitors down."""

import re

_PRIMARY = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z0-9])")


def primary_language(tag: str | None) -> str | None:
    """Return the language of *tag*, as in ``de-CH``, or of the first in a list."""
    found = None if tag is None else _PRIMARY.match(tag)
    return None if found is None else found[1].lower()
