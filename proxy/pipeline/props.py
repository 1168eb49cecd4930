"""Event properties: those the site allows, as far as their values name nobody.

A value that looks personal is left out; the event is kept.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from proxy.pii.detect import looks_personal
from proxy.pii.plain_text import plain_text
from warehouse.schema import JsonText

MOST_PROPS = 30
LONGEST_KEY = 64
LONGEST_VALUE = 200
# Measures are smaller; telephone numbers, card numbers and ids are not.
_LARGEST_NUMBER = 1_000_000_000
# Where vendors' clients, which have no place for a visit token, put it.
VISIT_TOKEN_PROP = "millpond_visit"  # noqa: S105 - a name
# Whatever a site allows, these can only hold what must not be stored.
NEVER_KEPT = frozenset(
    {
        *("email", "e_mail", "mail", "phone", "telephone", "mobile", "fax"),
        *("ip", "ip_address", "user_agent", "useragent", "cookie", "session_id"),
        *("password", "passwd", "token", "access_token", "secret", "api_key"),
        VISIT_TOKEN_PROP,
        *("first_name", "firstname", "last_name", "lastname", "surname", "full_name"),
        *("birthdate", "birthday", "date_of_birth", "dob", "ssn", "iban"),
        *("card_number", "address", "street", "lat", "lng", "latitude", "longitude"),
    }
)

_JSON = msgspec.json.Encoder()

Scalar = str | int | float | bool


def clean_props(
    props: Mapping[str, object] | None, allow: frozenset[str]
) -> JsonText | None:
    """Return the allowed *props* as JSON with sorted keys, None where none is left.

    Only text, numbers and truth values are kept, at most ``MOST_PROPS``.
    """
    if not props or not allow:
        return None
    kept: dict[str, Scalar] = {}
    for key in sorted(allow.intersection(props)):
        value = None if _is_never_kept(key) else _clean(props[key])
        if value is not None:
            kept[key] = value
        if len(kept) == MOST_PROPS:
            break
    if not kept:
        return None
    return JsonText(_JSON.encode(kept).decode())


def _is_never_kept(key: str) -> bool:
    return len(key) > LONGEST_KEY or key.lower().replace("-", "_") in NEVER_KEPT


def _clean(value: object) -> Scalar | None:
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, int | float):
        # Neither infinity nor NaN is smaller.
        return value if abs(value) < _LARGEST_NUMBER else None
    return None


def _clean_text(value: str) -> str | None:
    text = plain_text(value)
    # Long text is written by people, about people.
    if not text or len(text) > LONGEST_VALUE or looks_personal(text):
        return None
    return text
