"""Every invoice of a real retailer counts, with or without its total; if available."""

import csv
import gzip
import json
from collections import defaultdict
from decimal import Decimal

import pytest

from proxy.pipeline.hit import Hit, decode_hits
from proxy.pipeline.order_lines import MAX_ITEMS
from tests.proxy.pipeline.parsed_orders import PLACED, REFUNDED, fields
from tests.test_docs import ROOT

_RETAILER = ROOT.parent / "shared/data/ecommerce/uci_online_retail_sample.csv.gz"


@pytest.fixture(scope="module")
def invoices() -> dict[str, list[dict[str, str]]]:
    """Return the lines of each invoice, as a native event has them."""
    if not _RETAILER.is_file():
        pytest.skip("the retailer's invoices are not on this machine")
    lines: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(_RETAILER, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            line = {"product": row["StockCode"], "quantity": row["Quantity"]}
            lines[row["InvoiceNo"]].append({**line, "price": row["UnitPrice"]})
    return lines


@pytest.mark.parametrize("has_total", [True, False], ids=["total", "no total"])
def test_every_invoice_counts_with_the_sum_of_its_lines(
    invoices: dict[str, list[dict[str, str]]], *, has_total: bool
) -> None:
    long = 0
    for number, items in invoices.items():
        amounts = (Decimal(line["quantity"]) * Decimal(line["price"]) for line in items)
        total = sum(amounts, Decimal(0))
        order: dict[str, object] = {"id": number, "items": items, "currency": "GBP"}
        if has_total:
            order["value"] = str(total)
        body = json.dumps({"name": "order_placed", "order": order}).encode()
        (hit,) = decode_hits(body, 1)
        assert isinstance(hit, Hit)
        assert hit.order is not None
        got = fields(hit.order, PLACED if total >= 0 else REFUNDED)

        minor = round(abs(total) * 100)
        stored = sum(
            item.quantity * (item.price_minor or 0) for item in got.items or ()
        )
        amount = got.value_minor if total >= 0 else got.refund_minor
        assert abs(stored) == amount == minor
        assert len(got.items or ()) <= MAX_ITEMS + 1
        long += len(items) > MAX_ITEMS
    assert long
