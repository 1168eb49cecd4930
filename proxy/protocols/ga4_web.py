"""The format of Google's tag: a query, and a body with one more query per event."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols import encodings
from warehouse.money import PLAIN_DECIMAL

# The tag's short names, and the Measurement Protocol's names.
_PARAMS = MappingProxyType(
    {
        "dl": "page_location",
        "dr": "page_referrer",
        "ul": "language",
        "sr": "screen_resolution",
        "cu": "currency",
        "_et": "engagement_time_msec",
        "ir": "ignore_referrer",
    }
)
_ITEM = MappingProxyType(
    {
        "id": "item_id",
        "nm": "item_name",
        "va": "item_variant",
        "pr": "price",
        "qt": "quantity",
    }
)
_TEXT_PREFIX, _NUMBER_PREFIX = "ep.", "epn."
_ITEM_KEY = re.compile("pr[0-9]{1,3}")
_WHOLE = re.compile("-?[0-9]{1,15}")
_SEPARATOR = "~"
# Stands for a doubled separator, which is a literal "~", while an item is split.
_LITERAL = "\0"
_CODE_LENGTH = 2
# gcs is "G1" + advertising + analytics; "-" means that the visitor was not asked.
_ANALYTICS = slice(3, 4)

Fields = Mapping[str, str]


def events(query: Fields, body: bytes) -> Iterator[Fields | None]:
    """Yield the fields of each event, None for an unreadable line."""
    lines = [line for line in body.splitlines() if line.strip()]
    if not lines:
        yield query
    for line in lines:
        try:
            yield {**query, **encodings.parse_fields(line.decode())}
        except (UnicodeDecodeError, MalformedBodyError):
            yield None


def params_of(fields: Fields) -> dict[str, object]:
    """Return the parameters of an event, with the names of the Measurement Protocol."""
    params: dict[str, object] = {}
    for key, value in fields.items():
        if key.startswith(_TEXT_PREFIX):
            params[key.removeprefix(_TEXT_PREFIX)] = value
        elif key.startswith(_NUMBER_PREFIX):
            params[key.removeprefix(_NUMBER_PREFIX)] = _parse_number(value)
    params |= {name: fields[key] for key, name in _PARAMS.items() if key in fields}
    items = _items(fields)
    if items:
        params["items"] = items
    return params


def is_analytics_refused(fields: Fields) -> bool:
    """Whether the visitor refused analytics in the site's consent banner."""
    return fields.get("gcs", "")[_ANALYTICS] == "0"


def _parse_number(text: str) -> object:
    """Return *text* as an exact number if it is one, else unchanged."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return Decimal(text) if PLAIN_DECIMAL.fullmatch(text) else text


def _items(fields: Fields) -> list[dict[str, str]]:
    keys = {int(key[2:]): key for key in fields if _ITEM_KEY.fullmatch(key)}
    return [_parse_item(fields[keys[number]]) for number in sorted(keys)]


def _parse_item(text: str) -> dict[str, str]:
    parts = text.replace(_SEPARATOR * 2, _LITERAL).split(_SEPARATOR)
    return {
        _ITEM[part[:_CODE_LENGTH]]: part[_CODE_LENGTH:].replace(_LITERAL, _SEPARATOR)
        for part in parts
        if part[:_CODE_LENGTH] in _ITEM
    }
