"""The generated page docs/commerce.md: names and fields of commerce events."""

from collections.abc import Mapping, Sequence

from proxy.pipeline.commerce_names import commerce_table

_INTRO = """# Shop events

Written by `make docs` from `proxy/data/commerce.toml`; do not edit.

Vendors' clients use different names for these seven events. Each is stored under one
name; so is a native event that has an `order`. Case does not matter, and `.`, `_`, `-`
and `$` count as blanks: `Order Completed` and `order.completed` are the same. Every
other event keeps its own name.

| stored as | names that clients use |
|---|---|
"""
_CART = """
Some of these names also say what happened to the cart (`cart_action`, and
`reports show --by cart_action`):

| cart_action | names that clients use |
|---|---|
"""
_ORDER = """
## Fields

If an event has several of the names in one row, the first one counts. Amounts are
read as exact decimals. If the value of an order, the amount of a refund or the currency
is unreadable, the event is dropped (`bad_order`), so that revenue is never silently
wrong. Any other odd part is left out, and the order counts:
[orders.md](orders.md#what-an-order-may-contain).

| order or cart field | names that clients use |
|---|---|
"""
_ITEM = """
The properties of `product_viewed` and `cart_updated` count as one line themselves if
they name a product and contain no list. In `order_refunded` the order's value is the
refund, unless a refund field is present. Without any amount the refund is the sum of
its lines, or without priced lines the rest of the order.

If a line has both codes, the site's `product_id` says which one is the stored product:
`product` (`"id"`, the default) or `sku`. The `name` is used only without both.

| line field | names that clients use |
|---|---|
"""


def page() -> str:
    """Return the text of docs/commerce.md."""
    table = commerce_table()
    names = {name.value: spellings for name, spellings in table.names.items()}
    actions = {
        str(action): spellings for action, spellings in table.cart_actions.items()
    }
    parts = [
        *(_INTRO, _rows(names), _CART, _rows(actions)),
        *(_ORDER, _rows(table.order), _ITEM, _rows(table.item)),
    ]
    return "".join(parts)


def _rows(spellings_by_name: Mapping[str, Sequence[str]]) -> str:
    return "".join(
        f"| `{name}` | {', '.join(f'`{spelling}`' for spelling in spellings)} |\n"
        for name, spellings in spellings_by_name.items()
    )
