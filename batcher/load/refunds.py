"""What a refund takes back that names only its order, where that is of another day.

The build settles an order and its refunds of one day. It reads no other day, so what
is left of an earlier order is looked up here, once, and stored with the refund. Such
refunds are few: a shop's own reports usually name the amount.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from batcher.load.key_index import SeenKeys
from batcher.load.order_rows import ORDER, days_of_orders, order_rows
from warehouse.figures.orders import ORDER_PLACED, ORDER_REFUNDED
from warehouse.tables import TableView

_READ = [
    *("site", "day", "at", "seq", "name", "server", "order_key"),
    *("currency", "value_minor", "refund_minor"),
]
_IN_TIME = ["day", "at", "seq"]

Row = Mapping[str, Any]
_Order = tuple[str, int]


def with_amounts(
    events: pl.DataFrame, stored: TableView, seen: SeenKeys
) -> pl.DataFrame:
    """Return *events* with what each refund without an amount leaves of its order.

    Only of an order of another day, *stored* or among *events*: what is left is its
    value less what refunds took before. One whose order is not known stays as it is.
    """
    of_refund = pl.col("name") == ORDER_REFUNDED
    asks = (
        of_refund & pl.col("refund_minor").is_null() & pl.col("order_key").is_not_null()
    )
    numbered = events.select(_READ).with_row_index("row")
    asking = numbered.filter(asks)
    if asking.is_empty():
        return events
    orders = asking.select(ORDER).unique()
    told = pl.concat(
        [
            _stored(orders, stored, seen),
            numbered.join(orders, on=ORDER, how="semi"),
        ],
        how="diagonal_relaxed",
    )
    found = _settled(told.sort(_IN_TIME).iter_rows(named=True))
    return _filled(events, found) if found else events


def _stored(orders: pl.DataFrame, stored: TableView, seen: SeenKeys) -> pl.DataFrame:
    """Return what is stored of *orders*: they, and refunds of them since."""
    holding = days_of_orders(orders, stored, seen)
    since = [day for day in stored.days() if holding and day >= min(holding)]
    return order_rows(orders, stored, since, (ORDER_PLACED, ORDER_REFUNDED), _READ)


def _settled(told: Iterable[Row]) -> dict[int, tuple[int, str]]:
    """Return amount and currency of the rows that ask, *told* in order of time."""
    rows = list(told)
    values = _values(rows)
    taken: dict[_Order, int] = {}
    found: dict[int, tuple[int, str]] = {}
    for row in rows:
        order = values.get((row["site"], row["order_key"]))
        if row["name"] != ORDER_REFUNDED or order is None:
            continue
        place = (row["site"], row["order_key"])
        left = max(order["value_minor"] - taken.get(place, 0), 0)
        amount = row["refund_minor"]
        if amount is None:
            amount = left
            if row["row"] is not None and row["day"] != order["day"]:
                found[row["row"]] = (left, order["currency"])
        elif row["currency"] != order["currency"]:
            continue
        taken[place] = taken.get(place, 0) + amount
    return found


def _values(rows: Iterable[Row]) -> dict[_Order, Row]:
    """Return the report of each order whose value holds: the server's, if there is."""
    found: dict[_Order, Row] = {}
    for row in rows:
        if row["name"] == ORDER_PLACED and row["value_minor"] is not None:
            place = (row["site"], row["order_key"])
            if place not in found or (row["server"] and not found[place]["server"]):
                found[place] = row
    return found


def _filled(events: pl.DataFrame, found: Mapping[int, tuple[int, str]]) -> pl.DataFrame:
    amounts = pl.DataFrame(
        [(row, *each) for row, each in found.items()],
        schema={"row": pl.UInt32, "amount": pl.Int64, "of_order": pl.String},
        orient="row",
    )
    return (
        events.with_row_index("row")
        .join(amounts, on="row", how="left", maintain_order="left")
        .with_columns(
            refund_minor=pl.coalesce("refund_minor", "amount"),
            currency=pl.coalesce("of_order", "currency"),
        )
        .select(events.columns)
    )
