"""Imports orders in this process, with a given clock, and reads the figures."""

import io
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from config.settings import Settings
from proxy.history.orders.order_events import Lists
from proxy.history.orders.run import OrderImport, OrdersOutcome, import_orders
from reports.query import Today
from reports.reconcile import run as reconcile_run
from tests.proxy.pipeline.pipeline_setup import classifier, referrers
from tests.reports.sample_tables import store
from tests.warehouse.day_frames import Row, event
from warehouse.keyed_hash import HashPurpose, keyed_hash
from warehouse.schema import DAILY_STATS, EVENTS, Table
from warehouse.tables import Warehouse

# 2026-11-23, noon in UTC.
NOON = 1_795_435_200
TODAY = date(2026, 11, 23)
KEY = bytes(range(32))
HEAD = "order id,total,currency,date,status,refunded\n"


class Figures(NamedTuple):
    """What the reports count on one day."""

    orders: int
    value_minor: int
    refunds: int
    refund_minor: int


def write_list(settings: Settings, text: str, name: str = "orders.csv") -> Path:
    """Write *text* beside the data, and the site's key in its directory."""
    folder = Path(settings.privacy.key_dir).parent
    write_key(settings)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def write_key(settings: Settings) -> None:
    """Create the key of the site, so that a test can hash its ids."""
    keys = Path(settings.privacy.key_dir)
    keys.mkdir(exist_ok=True)
    (keys / "shop.key").write_bytes(KEY)
    (keys / "shop.key").chmod(0o600)


def run(
    settings: Settings, *files: Path, now_s: float = NOON, **options: Any
) -> OrdersOutcome:
    """Import *files* at *now_s*."""
    return import_orders(
        settings,
        OrderImport(site=options.pop("site", "shop"), files=files, **options),
        lists=Lists(classifier(), referrers()),
        clock=lambda: now_s,
        monotonic=lambda: 0.0,
        sleep=lambda _seconds: None,
    )


def live(name: str, day: date, clock: str = "12:00", /, **changes: Any) -> Row:
    """Return the stored report of an order by a browser; *name* is its id."""
    key = keyed_hash(KEY, HashPurpose.ORDER, name)
    placed: Row = {"name": "order_placed", "order_key": key, "currency": "EUR"}
    return event(clock, **{"day": day, **placed, **changes})


def live_refund(name: str, day: date, minor: int | None, /) -> Row:
    """Return the stored report of a refund by the shop's server."""
    refund: Row = {"name": "order_refunded", "refund_minor": minor, "server": True}
    return live(name, day, "20:00", visitor=None, **refund)


def store_live(settings: Settings, rows: Sequence[Row]) -> None:
    """Store *rows* as the batcher and the jobs do."""
    if rows:
        store(Path(settings.warehouse.uri), rows)


def rows_of(settings: Settings, table: Table = EVENTS) -> pl.DataFrame:
    """Return the rows of *table*."""
    return Warehouse(Path(settings.warehouse.uri)).view(table).read()


def figures(settings: Settings) -> dict[date, Figures]:
    """Return the figures of each day that has orders or refunds."""
    totals = rows_of(settings, DAILY_STATS).filter(dimension="total")
    sums = totals.group_by("day").agg(pl.col(*Figures._fields).sum())
    return {
        row["day"]: Figures(*(row[name] for name in Figures._fields))
        for row in sums.to_dicts()
        if row["orders"] or row["refunds"]
    }


def reconciled(
    settings: Settings, file: Path, today: Today, **options: Any
) -> tuple[dict[str, str], Any]:
    """Return the status of each order that is not ``matched``, and the counts."""
    request = reconcile_run.ReconcileRequest(
        site="shop", file=file, period=None, columns=options
    )
    out = io.BytesIO()
    stdout = io.TextIOWrapper(out, encoding="utf-8", newline="")
    reconcile_run.run(settings, request, today, stdout, "json", 100)
    stdout.flush()
    found = json.loads(out.getvalue())
    return {line["order"]: line["status"] for line in found["results"]}, found["meta"]
