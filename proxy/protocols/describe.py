"""The generated page docs/commerce.md: names and fields of commerce events."""

from collections.abc import Mapping, Sequence

from proxy.protocols.commerce import commerce_table

_INTRO = """# Commerce events

Written by `make docs` from `proxy/data/commerce.toml`; do not edit.

Vendors' clients use different names for the same commerce event. Millpond stores these
seven events under one name each. Case does not matter, and `.`, `_`, `-` and `$` count
as spaces: `Order Completed` and `order.completed` are the same name. Every other event
keeps its own name.

| stored as | names in clients |
|---|---|
"""
_ORDER = """
## Fields

If an event has several of these fields, the first one in the table counts. Amounts are
exact decimals. An unreadable amount refuses the whole order (`bad_order`), so revenue
is never silently wrong.

| field of an order or cart | names in clients |
|---|---|
"""
_ITEM = """
If the properties of `product_viewed` or `cart_updated` name a product and hold no list
of items, they are read as one line. In `order_refunded` the order's value is the
refund, unless a refund field is present. A refund without any amount refunds the whole
order.

| field of a line | names in clients |
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
