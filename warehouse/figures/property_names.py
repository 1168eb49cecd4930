"""The names of the dimensions of properties; without Polars, for a fast start."""

from typing import Final

PROPERTY_PREFIX: Final = "prop:"


def property_dimension(key: str) -> str:
    """Return the name of the dimension of the property *key*."""
    return PROPERTY_PREFIX + key
