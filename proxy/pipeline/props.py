"""Filters event properties: only allowed keys, and only values that name no person.

A value that looks personal is left out, and URLs lose query and fragment; the event is
still stored.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

import msgspec

from config.prop_keys import holds_only_personal_data
from proxy.pii.detect import looks_personal
from proxy.pii.plain_text import plain_text
from proxy.pipeline.url_values import without_queries
from warehouse.schema import JsonText

MAX_PROPS = 30
MAX_KEY_LENGTH = 64
MAX_VALUE_LENGTH = 200
# A longer text is left out, and is not searched for URLs.
_LONGEST_URL = 2_000
# Keys come from the configuration: there are few.
_MOST_KEYS = 4_096
# Measurements are smaller; telephone numbers, card numbers and ids are larger.
_MAX_NUMBER = 1_000_000_000
# The property in which vendors' clients send a visit token.
VISIT_TOKEN_PROP = "millpond_visit"  # noqa: S105 - a name
_JSON = msgspec.json.Encoder()

Scalar = str | int | float | bool


def clean_props(
    props: Mapping[str, object] | None, allow: frozenset[str]
) -> JsonText | None:
    """Return the allowed *props* as JSON with sorted keys, None if none remain.

    Only text, numbers and booleans are stored, at most ``MAX_PROPS``.
    """
    if not props or not allow:
        return None
    cleaned: dict[str, Scalar] = {}
    for key in sorted(allow.intersection(props)):
        value = None if _is_never_stored(key) else _clean_value(props[key])
        if value is not None:
            cleaned[key] = value
        if len(cleaned) == MAX_PROPS:
            break
    if not cleaned:
        return None
    return JsonText(_JSON.encode(cleaned).decode())


@lru_cache(_MOST_KEYS)
def _is_never_stored(key: str) -> bool:
    """Whether *key*, which a site allows, is too long or holds only personal data."""
    return (
        len(key) > MAX_KEY_LENGTH
        or key.lower().replace("-", "_") == VISIT_TOKEN_PROP
        or holds_only_personal_data(key)
    )


def _clean_value(value: object) -> Scalar | None:
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, int | float):
        # Also excludes infinity and NaN: neither compares as smaller.
        return value if abs(value) < _MAX_NUMBER else None
    return None


def _clean_text(value: str) -> str | None:
    text = plain_text(value)
    if len(text) <= _LONGEST_URL:
        text = without_queries(text)
    # Long text is usually written by people about people.
    if not text or len(text) > MAX_VALUE_LENGTH or looks_personal(text):
        return None
    return text
