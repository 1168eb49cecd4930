"""The dialect of Google's tag: a query, and in a body one more for each event."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols import encodings
from warehouse.money import PLAIN_DECIMAL

# What the tag calls what servers call otherwise.
_PARAMS = MappingProxyType(
    {
        "dl": "page_location",
        "dr": "page_referrer",
        "ul": "language",
        "sr": "screen_resolution",
        "cu": "currency",
        "_et": "engagement_time_msec",
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
_TEXT, _NUMBER = "ep.", "epn."
_PLACE = re.compile("pr[0-9]{1,3}")
_WHOLE = re.compile("-?[0-9]{1,15}")
_MARK = "~"
# Where two of the mark stand for one.
_ESCAPED = "\0"
_CODE = 2
# Of G1, advertising and analytics; a dash stands for what was never asked.
_ANALYTICS = slice(3, 4)

Fields = Mapping[str, str]


def events(query: Fields, body: bytes) -> Iterator[Fields | None]:
    """Yield the fields of each event, None where a line cannot be read."""
    lines = [line for line in body.splitlines() if line.strip()]
    if not lines:
        yield query
    for line in lines:
        try:
            yield {**query, **encodings.fields(line.decode())}
        except (UnicodeDecodeError, MalformedBodyError):
            yield None


def params_of(fields: Fields) -> dict[str, object]:
    """Return the parameters of an event, by the names servers give them."""
    params: dict[str, object] = {}
    for key, value in fields.items():
        if key.startswith(_TEXT):
            params[key.removeprefix(_TEXT)] = value
        elif key.startswith(_NUMBER):
            params[key.removeprefix(_NUMBER)] = _number(value)
    params |= {name: fields[key] for key, name in _PARAMS.items() if key in fields}
    items = _items(fields)
    if items:
        params["items"] = items
    return params


def has_refused(fields: Fields) -> bool:
    """Whether the visitor refused analytics in the site's consent banner."""
    return fields.get("gcs", "")[_ANALYTICS] == "0"


def _number(text: str) -> object:
    """Return *text* as an exact number where it is one."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return Decimal(text) if PLAIN_DECIMAL.fullmatch(text) else text


def _items(fields: Fields) -> list[dict[str, str]]:
    places = {int(key[2:]): key for key in fields if _PLACE.fullmatch(key)}
    return [_item(fields[places[place]]) for place in sorted(places)]


def _item(text: str) -> dict[str, str]:
    parts = text.replace(_MARK * 2, _ESCAPED).split(_MARK)
    return {
        _ITEM[part[:_CODE]]: part[_CODE:].replace(_ESCAPED, _MARK)
        for part in parts
        if part[:_CODE] in _ITEM
    }
