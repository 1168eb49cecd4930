"""A shop's list is filed on its own days, and then equals the stored orders."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from config.settings import Settings, SiteSettings
from proxy.history.orders.summary import orders_summary
from proxy.history.orders.tally import Unfiled
from tests.proxy.history.orders.order_imports import (
    HEAD,
    Figures,
    figures,
    reconciled,
    rows_of,
    run,
    write_list,
)
from tests.reports.reconcile import invoices
from tests.reports.sample_queries import today
from tests.test_docs import ROOT
from tests.warehouse.shop_list.exports import EXPORTS

BERLIN = SiteSettings(id="shop", domains=("shop.example",), timezone="Europe/Berlin")
DAY = date(2026, 11, 22)
RETAILER = ROOT.parent / "shared/data/ecommerce/uci_online_retail_sample.csv.gz"


@pytest.fixture
def berlin(settings: Settings) -> Settings:
    """Return settings that keep all days of a site in Berlin."""
    keep = replace(settings.warehouse, keep_events_days=0)
    return replace(settings, sites=(BERLIN,), warehouse=keep)


@pytest.mark.parametrize("name", EXPORTS)
def test_each_export_is_filed_and_reconciles_to_the_cent(
    berlin: Settings, name: str
) -> None:
    text, _ = EXPORTS[name]
    file = write_list(berlin, text)

    outcome = run(berlin, file)

    # PrestaShop's list does not say how much was refunded of its second order.
    is_silent = name == "PrestaShop"
    refunded = 3_000 if is_silent else 3_500
    assert figures(berlin) == {
        DAY: Figures(3, 128_450, 1 if is_silent else 2, refunded)
    }
    assert outcome.tally.unfiled == ({Unfiled.UNKNOWN_REFUND: 1} if is_silent else {})
    differing, meta = reconciled(berlin, file, today)
    assert meta["equal"] is not is_silent
    assert (meta["shop_minor"]["matched"], meta["our_minor"]["matched"]) == (
        *(123_450, 123_450),
    )
    assert [status for status in differing.values() if status != "void"] == [
        *(["different"] if is_silent else ["refunded"]),
        "refunded",
    ]


@pytest.mark.parametrize("name", EXPORTS)
def test_a_second_import_changes_nothing(berlin: Settings, name: str) -> None:
    text, _ = EXPORTS[name]
    file = write_list(berlin, text)
    run(berlin, file)
    before = rows_of(berlin)

    outcome = run(berlin, file)

    assert (outcome.tally.filed, outcome.tally.refunds) == (0, 0)
    assert outcome.tally.stored_before == 3
    assert rows_of(berlin).equals(before)


def test_the_page_about_imports_shows_what_the_command_prints(
    berlin: Settings,
) -> None:
    outcome = run(berlin, write_list(berlin, EXPORTS["Shopify"][0]))

    got = orders_summary(
        outcome.tally, [*outcome.readings], site_id="shop", is_dry_run=False
    )

    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    assert f"$ millpond import orders orders_export.csv --site shop\n{got}\n" in page


def test_an_imported_order_has_no_visitor_and_no_source(berlin: Settings) -> None:
    run(berlin, write_list(berlin, EXPORTS["Shopify"][0]))

    rows = rows_of(berlin)
    columns = ("visitor", "actor", "source", "channel", "referrer", "path", "props")
    assert {*rows.select(columns).rows()} == {(None,) * len(columns)}
    assert {*rows["protocol"]} == {"order-list"}
    assert {*rows["server"]} == {True}


@pytest.mark.parametrize(
    ("text", "day", "clock"),
    [
        pytest.param("1997-11-22 23:30", date(1997, 11, 22), "22:30", id="local"),
        pytest.param("1997-11-22T23:30Z", date(1997, 11, 23), "23:30", id="in UTC"),
        pytest.param("1997-07-22", date(1997, 7, 22), "10:00", id="midday in summer"),
        pytest.param("22.11.1997", date(1997, 11, 22), "11:00", id="midday in winter"),
        pytest.param("2026-11-23", date(2026, 11, 23), "11:00", id="today"),
        pytest.param("2026-03-29 02:30", date(2026, 3, 29), "01:30", id="skipped"),
    ],
)
def test_an_order_is_filed_on_its_own_local_day(
    berlin: Settings, text: str, day: date, clock: str
) -> None:
    run(berlin, write_list(berlin, f"{HEAD}7,5.00,,{text},,\n"))

    [row] = rows_of(berlin).select("day", "at", "late").to_dicts()
    assert (row["day"], f"{row['at']:%H:%M}", row["late"]) == (day, clock, False)
    assert figures(berlin) == {day: Figures(1, 500, 0, 0)}


def test_a_day_without_a_time_is_never_filed_in_the_future(berlin: Settings) -> None:
    file = write_list(berlin, f"{HEAD}7,5.00,,2026-11-23,,\n")
    early_s = 1_795_396_000

    run(berlin, file, now_s=early_s)

    [at] = rows_of(berlin)["at"]
    assert int(at.timestamp()) == early_s


def test_a_packed_list_and_several_lists_are_filed_together(berlin: Settings) -> None:
    first = write_list(berlin, f"{HEAD}7,5.00,,2026-11-22,,\n")
    packed = first.with_suffix(".gz")
    both = f"{HEAD}7,5.00,,2026-11-22,,\n8,6.00,USD,2026-11-22,,\n"
    packed.write_bytes(gzip.compress(both.encode()))

    outcome = run(berlin, first, packed)

    tally = outcome.tally
    assert (tally.read, tally.filed, tally.stored_before) == (3, 2, 1)
    assert tally.filed_minor == {"EUR": 500, "USD": 600}


def totals_list(lines: Iterator[invoices.Line]) -> str:
    """Return a list with the total of each invoice in *lines*."""
    totals: dict[str, Decimal] = {}
    days: dict[str, str] = {}
    for line in lines:
        name = line["InvoiceNo"]
        amount = int(line["Quantity"]) * Decimal(line["UnitPrice"])
        totals[name] = totals.get(name, Decimal(0)) + amount
        days.setdefault(name, line["InvoiceDate"])
    return "InvoiceNo,Amount,Currency,InvoiceDate\n" + "".join(
        f"{name},{total},GBP,{days[name]}\n" for name, total in totals.items()
    )


def whole_retailer() -> Iterator[invoices.Line]:
    """Yield all invoices of a real retailer except credit notes."""
    if not RETAILER.is_file():
        pytest.skip("the retailer's invoices are not on this machine")
    with gzip.open(RETAILER, "rt", encoding="utf-8", newline="") as file:
        rows = invoices.rows(file)
        yield from (row for row in rows if row["InvoiceNo"].isdigit())


@pytest.mark.parametrize("lines", [invoices.generated, whole_retailer])
def test_invoices_of_2010_reconcile_to_the_cent(
    berlin: Settings, lines: Callable[[], Iterator[invoices.Line]]
) -> None:
    text = totals_list(lines())
    file = write_list(berlin, text)
    amounts = [Decimal(row.split(",")[1]) for row in text.splitlines()[1:]]

    outcome = run(berlin, file)

    assert outcome.tally.filed == len(amounts)
    assert outcome.tally.filed_minor == {"GBP": sum(amounts) * 100}
    differing, meta = reconciled(berlin, file, today)
    assert (differing, meta["equal"]) == ({}, True)
    assert meta["orders"]["matched"] == len(amounts)
    counted = figures(berlin)
    assert {day.year for day in counted} == {2010}
    assert sum(day.orders for day in counted.values()) == len(amounts)
    assert sum(day.value_minor for day in counted.values()) == sum(amounts) * 100


def test_credit_notes_are_named_and_not_filed(berlin: Settings) -> None:
    file = write_list(berlin, f"{HEAD}7,-5.00,,2010-12-01,,\n8,0.00,,2010-12-01,,\n")

    outcome = run(berlin, file)

    assert outcome.tally.unfiled == {Unfiled.NEGATIVE: 1}
    assert figures(berlin) == {date(2010, 12, 1): Figures(1, 0, 0, 0)}


def test_no_cell_of_a_list_is_stored(berlin: Settings, tmp_path: Path) -> None:
    file = write_list(berlin, EXPORTS["Shopify"][0])

    run(berlin, file)
    file.unlink()

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files)
    for cell in (b"#1001", b"5901", b"a@shop.example", b"Boots", b"Bogus"):
        assert cell not in written
