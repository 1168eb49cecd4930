"""The names of the dimensions of properties; without Polars, for a fast start."""

from typing import Final

PROP_PREFIX: Final = "prop:"


def prop_dimension(key: str) -> str:
    """Return the name of the dimension of the property *key*."""
    return PROP_PREFIX + key
