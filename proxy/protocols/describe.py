"""The generated page about commerce: which names and fields mean what."""

from collections.abc import Mapping, Sequence

from proxy.protocols.commerce import commerce_table

_INTRO = """# Events of a shop

Written by `make docs` from `proxy/data/commerce.toml`; do not edit.

Whatever a vendor's client calls them, these seven events are stored under one name
each. Case does not matter, and `.`, `_`, `-` and `$` count as blanks: `Order Completed`
and `order.completed` are one. Every other event keeps its own name.

| stored as | what clients call it |
|---|---|
"""
_ORDER = """
## Fields

Of several the first that is there counts. Amounts are read digit by digit; one that
cannot be read refuses the whole order (`bad_order`): revenue is never silently wrong.

| of an order or cart | what clients call it |
|---|---|
"""
_ITEM = """
The properties of `product_viewed` and `cart_updated` are themselves one line where they
name a product and hold no list. In `order_refunded` the order's value is the refund,
unless a refund is named; without any amount it is the whole order.

| of a line | what clients call it |
|---|---|
"""


def page() -> str:
    """Return the text of docs/commerce.md."""
    table = commerce_table()
    names = {name.value: spellings for name, spellings in table.names.items()}
    parts = [_INTRO, _rows(names), _ORDER, _rows(table.order), _ITEM, _rows(table.item)]
    return "".join(parts)


def _rows(entries: Mapping[str, Sequence[str]]) -> str:
    return "".join(
        f"| `{name}` | {', '.join(f'`{each}`' for each in spellings)} |\n"
        for name, spellings in entries.items()
    )
