"""The generated page docs/commerce.md: names and fields of commerce events."""

from collections.abc import Mapping, Sequence

from proxy.protocols.commerce import commerce_table

_INTRO = """# Shop events

Written by `make docs` from `proxy/data/commerce.toml`; do not edit.

Vendors' clients use different names for these seven events. Each is stored under one
name. Case does not matter, and `.`, `_`, `-` and `$` count as blanks: `Order Completed`
and `order.completed` are the same. Every other event keeps its own name.

| stored as | names that clients use |
|---|---|
"""
_ORDER = """
## Fields

If an event has several of the names in one row, the first one counts. Amounts are
read as exact decimals. If one amount is invalid, the whole order is dropped
(`bad_order`), so that revenue is never silently wrong.

| order or cart field | names that clients use |
|---|---|
"""
_ITEM = """
The properties of `product_viewed` and `cart_updated` count as one line themselves if
they name a product and contain no list. In `order_refunded` the order's value is the
refund, unless a refund field is present. Without any amount the refund is the rest of
the order.

| line field | names that clients use |
|---|---|
"""


def page() -> str:
    """Return the text of docs/commerce.md."""
    table = commerce_table()
    names = {name.value: spellings for name, spellings in table.names.items()}
    parts = [_INTRO, _rows(names), _ORDER, _rows(table.order), _ITEM, _rows(table.item)]
    return "".join(parts)


def _rows(spellings_by_name: Mapping[str, Sequence[str]]) -> str:
    return "".join(
        f"| `{name}` | {', '.join(f'`{spelling}`' for spelling in spellings)} |\n"
        for name, spellings in spellings_by_name.items()
    )
