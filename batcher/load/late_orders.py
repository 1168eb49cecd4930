"""Late reports by a shop's server are moved to the day of the browser's report.

A browser and the shop's server may report the same order on different days. Both
reports are one order, with the server's figures. But a day is built from its own events
only. So the server's report is moved to the day of the browser's report. A server's
event belongs to no session, so the move splits no session.
"""

from collections.abc import Collection

import polars as pl

from batcher.load.key_index import KeyIndex, order_key, report_key
from batcher.load.order_rows import days_of_orders, order_rows
from warehouse.figures.order_rule import ORDER, ORDER_PLACED
from warehouse.tables import TableView

_COLUMNS = ["site", "day", "at", "name", "server", "order_key"]


def with_order_days(
    events: pl.DataFrame,
    stored: TableView,
    key_index: KeyIndex,
    *,
    keyed: Collection[str] = (),
) -> pl.DataFrame:
    """Return *events* with late reports by a server on the day of their order.

    A server's report is late if a browser reported the order on an earlier day, in
    *stored* or in *events*. The late report gets the time of the browser's report. It
    loses its visitor and actor, because their hashes have no meaning on another day;
    actors of the *keyed* sites stay. If a report by the server is already stored, a
    new one is not moved.
    """
    is_placed = (pl.col("name") == ORDER_PLACED) & pl.col("order_key").is_not_null()
    reports = (
        events.select(_COLUMNS)
        .with_row_index("row")
        .filter(is_placed)
        .with_columns(
            same=report_key(order_key(), pl.col("server")),
            other=report_key(order_key(), ~pl.col("server")),
        )
    )
    candidates = _possibly_late(reports.filter("server"), stored, key_index)
    if candidates.is_empty():
        return events
    orders = candidates.select(ORDER)
    days = days_of_orders(orders, stored, key_index)
    stored_reports = order_rows(orders, stored, days, (ORDER_PLACED,), _COLUMNS)
    browser_reports = pl.concat(
        [rows.filter(~pl.col("server")) for rows in (stored_reports, reports)],
        how="diagonal",
    )
    return _moved(events, candidates, browser_reports, keyed)


def _possibly_late(
    server_reports: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> pl.DataFrame:
    """Return the *server_reports* that may be late; most reports are not.

    Not late are orders that the server reported before, and orders whose browser
    report is stored on the same day.
    """
    if server_reports.is_empty():
        return server_reports
    is_repeated = key_index.orders(stored, server_reports["same"])
    new_reports = server_reports.filter(~is_repeated)
    return pl.concat(
        [
            new_reports.clear(),
            *(
                rows.filter(
                    ~key_index.orders(stored, rows["other"], rows["day"][0]),
                )
                for rows in new_reports.partition_by("day")
            ),
        ]
    )


def _moved(
    events: pl.DataFrame,
    candidates: pl.DataFrame,
    browser_reports: pl.DataFrame,
    keyed: Collection[str],
) -> pl.DataFrame:
    """Return *events* with each candidate moved to the browser's earlier report.

    A stored report of a browser wins over a report in *events*.
    """
    is_new = pl.col("row").is_not_null()
    targets = (
        browser_reports.sort(is_new, "at", maintain_order=True)
        .unique(ORDER, keep="first", maintain_order=True)
        .select(*ORDER, to_day="day", to_at="at")
    )
    late = candidates.join(targets, on=ORDER).filter(pl.col("to_day") < pl.col("day"))
    if late.is_empty():
        return events
    is_late = pl.col("to_day").is_not_null()
    return (
        events.with_row_index("row")
        .join(
            late.select("row", "to_day", "to_at"),
            on="row",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            day=pl.coalesce("to_day", "day"),
            at=pl.coalesce("to_at", "at"),
            visitor=pl.when(~is_late).then("visitor"),
            actor=pl.when(~is_late | pl.col("site").is_in(list(keyed))).then("actor"),
        )
        .select(events.columns)
    )
