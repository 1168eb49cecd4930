"""The shop's orders and ours stand side by side, order by order."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from millpond import run as millpond
from reports.reconcile import run as reconcile_run
from reports.reconcile.unseen import UnseenOrders
from tests.reports.questions import BLOG, SHOP, today
from tests.reports.reconcile import invoices
from tests.reports.stored import store
from tests.warehouse.day import Row, event
from warehouse.keyed_hash import HashPurpose, keyed_hash
from warehouse.money import money

KEY = bytes(range(32))
SERVER: Row = {"server": True, "visitor": None}


def order(name: str, clock: str = "12:05", /, **changes: Any) -> Row:
    """Return an order as it is stored, under the site's key."""
    key = keyed_hash(KEY, HashPurpose.ORDER, name)
    placed: Row = {"name": "order_placed", "order_key": key, "currency": "EUR"}
    return event(clock, **{"day": today(SHOP), **placed, **changes})


def refund(name: str, minor: int | None) -> Row:
    """Return a refund as it is stored."""
    back: Row = {"name": "order_refunded", "refund_minor": minor}
    return order(name, "20:00", **SERVER, **back)


def _asked(
    settings: Settings, events: Iterable[Row], shop: str, **asked: Any
) -> tuple[bool, str]:
    """Return whether the lists are equal, and what is printed."""
    keys = Path(settings.privacy.key_dir)
    keys.mkdir()
    (keys / "shop.key").write_bytes(KEY)
    (keys / "shop.key").chmod(0o600)
    store(Path(settings.warehouse.uri), events)
    file = keys.parent / "shop.csv"
    file.write_text(shop, encoding=asked.pop("encoding", "utf-8"))
    form, width = asked.pop("form", "table"), 100
    words: dict[str, Any] = {
        "site": "shop",
        "period": None,
        "columns": {},
    }
    question = reconcile_run.ReconcileRequest(**{**words, "file": file, **asked})
    out = io.BytesIO()
    stdout = io.TextIOWrapper(out, encoding="utf-8", newline="")
    sites = replace(settings, sites=(SHOP, BLOG))
    equal = reconcile_run.run(sites, question, today, stdout, form, width)
    stdout.flush()
    return equal, out.getvalue().decode()


def outcome(settings: Settings, *events: Row, shop: str, **asked: Any) -> Any:
    """Return status by order, and the counts beside them."""
    equal, text = _asked(settings, events, shop, form="json", **asked)
    found = json.loads(text)
    assert found["meta"]["equal"] is equal
    lines = {line["order"]: line["status"] for line in found["results"]}
    return lines, found["meta"]


_HEAD = "order id,total,currency,date\n"


def _row(name: str, total: str, currency: str = "EUR", day: str = "2026-11-22") -> str:
    return f"{name},{total},{currency},{day}\n"


def test_an_order_is_the_same_only_with_its_amount_and_currency(
    settings: Settings,
) -> None:
    lines, meta = outcome(
        settings,
        order("same", value_minor=500),
        order("other", value_minor=501),
        order("dollars", value_minor=500, currency="USD"),
        order("unknown", value_minor=None),
        order("ours", value_minor=77),
        event(day=today(SHOP), site="blog", name="order_placed", order_key=1),
        shop=_HEAD
        + "".join(_row(n, "5.00") for n in ("same", "other", "dollars", "unknown"))
        + _row("theirs", "9"),
    )

    assert lines == {
        "other": "different",
        "dollars": "different",
        "unknown": "different",
        "theirs": "missing",
        None: "extra",
    }
    assert meta["orders"] == {
        "matched": 1,
        "refunded": 0,
        "different": 3,
        "void": 0,
        "void_counted": 0,
        "missing": 1,
        "extra": 1,
    }
    assert meta["shop_minor"]["missing"] == 900
    assert (meta["our_minor"]["different"], meta["other_currencies"]) == (501, 1)


def test_both_reports_of_an_order_are_one_with_the_servers_amount(
    settings: Settings,
) -> None:
    lines, meta = outcome(
        settings,
        order("1", value_minor=999_999),
        order("1", **SERVER, value_minor=500),
        shop=_HEAD + _row("1", "5"),
    )

    assert (lines, meta["orders"]["matched"], meta["equal"]) == ({}, 1, True)


@pytest.mark.parametrize(
    ("total", "back", "status"),
    [
        pytest.param("5.00", None, "refunded", id="whole, listed with its total"),
        pytest.param("0.00", None, "refunded", id="whole, listed with nothing left"),
        pytest.param("3.00", 200, "refunded", id="in part, listed with the rest"),
        pytest.param("4.00", 200, "different", id="another part"),
    ],
)
def test_a_refunded_order_is_listed_with_its_total_or_the_rest(
    settings: Settings, total: str, back: int | None, status: str
) -> None:
    lines, meta = outcome(
        settings,
        order("1", value_minor=500),
        refund("1", back),
        shop=_HEAD + _row("1", total),
    )

    assert lines == {"1": status}
    assert meta["refunded_minor"] == (back or 500)


def test_a_refund_of_a_later_day_is_found(settings: Settings) -> None:
    late = refund("1", None) | {"day": today(SHOP).replace(day=24)}
    late["at"] += 2 * 86_400

    lines, _ = outcome(
        settings, order("1", value_minor=500), late, shop=_HEAD + _row("1", "5")
    )

    assert lines == {"1": "refunded"}


def test_the_days_of_the_list_count_where_no_period_is_asked_for(
    settings: Settings,
) -> None:
    before = today(SHOP).replace(day=2)
    events = [order("old", day=before, value_minor=1), order("1", value_minor=500)]

    lines, meta = outcome(settings, *events, shop=_HEAD + _row("1", "5"))

    assert (lines, meta["date_range"]) == ({}, ["2026-11-22", "2026-11-22"])


def test_a_period_leaves_other_days_out_but_finds_an_order_on_any(
    settings: Settings,
) -> None:
    midnight = order("late", "23:59", day=today(SHOP).replace(day=21), value_minor=1)
    rows = [_row("late", "0.01"), _row("old", "5", day="2026-10-01")]

    lines, meta = outcome(
        settings, midnight, shop=_HEAD + "".join(rows), period="2026-11-22"
    )

    assert (lines, meta["outside"], meta["equal"]) == ({}, 1, True)


def test_without_dates_all_orders_are_compared(settings: Settings) -> None:
    old = order("old", day=today(SHOP).replace(day=1), value_minor=1)

    lines, meta = outcome(settings, old, shop="order,total\n1,5\n")

    assert (lines, meta["date_range"]) == ({"1": "missing", None: "extra"}, None)


@pytest.mark.parametrize(
    ("events", "unseen"),
    [
        pytest.param(
            [
                event("12:00", day=today(SHOP)),
                order("1", **SERVER | {"visitor": 1}),
                order("2", **SERVER | {"visitor": 2}),
                order("3", **SERVER),
            ],
            (1, 2, 1),
            id="sessions of the visitors the server names",
        ),
        pytest.param(
            [order("1"), order("1", **SERVER), order("2", **SERVER)],
            (2, 3, 0),
            id="orders the browser reports",
        ),
        pytest.param(
            [order("1", **SERVER), order("2", **SERVER)], (0, 0, 3), id="no trace"
        ),
        pytest.param(
            [
                event("12:30", day=today(SHOP)),
                order("1", "12:05", **SERVER | {"visitor": 1}),
            ],
            (1, 1, 2),
            id="a session that began later",
        ),
    ],
)
def test_the_unseen_are_counted_among_orders_that_can_tell(
    settings: Settings, events: list[Row], unseen: tuple[int, int, int]
) -> None:
    shop = _HEAD + "".join(_row(name, "1") for name in "123")

    _, meta = outcome(settings, *events, shop=shop)

    found = meta["unseen"]
    assert (found["orders"], found["checked"], found["unchecked"]) == unseen


@pytest.mark.parametrize(
    ("unseen", "checked", "interval"),
    [
        pytest.param(0, 10, (0.0, 0.2775), id="none of ten"),
        pytest.param(10, 10, (0.7225, 1.0), id="all of ten"),
        pytest.param(81, 263, (0.2553, 0.3662), id="Newcombe's example"),
        pytest.param(1, 29, (0.0061, 0.1718), id="and his rare one"),
    ],
)
def test_the_interval_is_wilsons(
    unseen: int, checked: int, interval: tuple[float, float]
) -> None:
    assert UnseenOrders(unseen, checked, 0).interval == pytest.approx(
        interval, abs=1e-4
    )
    assert UnseenOrders(0, 0, 5).interval is None


def _week() -> tuple[list[Row], str]:
    """Return a small shop's orders, as we have them and as it lists them."""
    known: Row = SERVER | {"visitor": 1}
    events = [
        event("12:00", day=today(SHOP), source="Google"),
        order("1001", **known, value_minor=5_990),
        order("1002", value_minor=1_000),
        order("1002", **SERVER, value_minor=1_000),
        order("1003", **SERVER, value_minor=2_000),
        order("1004", **SERVER, value_minor=3_333),
        refund("1004", 1_000),
        order("1005", **SERVER, value_minor=1_500, currency="USD"),
        order("9999", "03:00", value_minor=999_999_900),
    ]
    listed = [
        *(("1001", "59.90", "EUR"), ("1002", "10.00", "EUR"), ("1003", "21.00", "EUR")),
        *(
            ("1004", "33.33", "EUR"),
            ("1005", "15", "USD"),
            ("=1006", "7", "EUR"),
        ),
    ]
    return events, _HEAD + "".join(_row(*each) for each in listed)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_what_is_printed(settings: Settings, golden: Any, form: str) -> None:
    events, shop = _week()

    equal, got = _asked(settings, events, shop, form=form)

    assert not equal
    suffix = {"table": ".txt"}.get(form, f".{form}")
    golden(f"reconcile{suffix}", got.replace("\r\n", "\n"))


def test_an_id_of_the_shop_steers_no_terminal(settings: Settings) -> None:
    _, got = _asked(settings, [order("1")], _HEAD + _row("\x1b[31m1006", "7"))

    assert "\x1b" not in got
    assert "\\x1b[31m1006" in got


def test_no_id_of_the_shop_is_stored_or_left_behind(
    settings: Settings, tmp_path: Path
) -> None:
    _asked(settings, [order("1", value_minor=5)], _HEAD + _row("CANARY-1001", "5"))

    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    holding = [each.name for each in files if b"CANARY-1001" in each.read_bytes()]
    assert holding == ["shop.csv"]


@pytest.mark.parametrize("lines", [invoices.made, invoices.of_a_retailer])
def test_invoices_of_many_lines_match_the_orders_counted(
    settings: Settings, lines: Callable[[], Iterator[invoices.Line]]
) -> None:
    totals: dict[str, Decimal] = {}
    days: dict[str, str] = {}
    for row in lines():
        worth = int(row["Quantity"]) * Decimal(row["UnitPrice"])
        name = row["InvoiceNo"]
        totals[name] = totals.get(name, Decimal(0)) + worth
        days[name] = row["InvoiceDate"]
    shop = "InvoiceNo;Amount;Currency;InvoiceDate\n" + "".join(
        f"{name};{str(total).replace('.', ',')};GBP;{days[name]}\n"
        for name, total in totals.items()
    )
    names = sorted(totals)
    lost = {*names[3::8]}
    events = [
        order(name, currency="GBP", value_minor=money(totals[name], "GBP"))
        for name in names
        if name not in lost
    ]

    found, meta = outcome(settings, *events, shop=shop, decimal="comma")

    assert found == dict.fromkeys(lost, "missing")
    assert meta["orders"]["matched"] == len(names) - len(lost) == 35


_CONFIG = """\
[warehouse]
uri = "warehouse"

[privacy]
key_dir = "keys"

[[sites]]
id = "shop"
domains = ["shop.example"]
timezone = "Europe/Berlin"
"""


@pytest.mark.parametrize(
    ("words", "shop", "code", "said"),
    [
        pytest.param([], _row("1", "5.00"), 0, "", id="equal"),
        pytest.param([], _row("1", "6.00"), 1, "", id="different"),
        pytest.param([], _row("1", "x"), 3, "row 2", id="unreadable"),
        pytest.param(["--site", "nosuch"], "", 2, "known: shop", id="site"),
        pytest.param(["--period", "soon"], "", 2, "not a period", id="period"),
        pytest.param(["--id-column", "x"], "", 2, "--id-column", id="column"),
        pytest.param(["--decimal", "dot"], "", 2, "'dot' is not one of", id="decimal"),
        pytest.param(["--orders", "no.csv"], "", 2, "does not exist", id="no file"),
    ],
)
def test_the_exit_code_tells_theoutcome(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    shop: str,
    code: int,
    said: str,
) -> None:
    _asked(settings, [order("1", value_minor=500)], _HEAD + shop if not shop else _HEAD)
    root = Path(settings.warehouse.uri).parent
    (root / "millpond.toml").write_text(_CONFIG, encoding="utf-8")
    (root / "shop.csv").write_text(_HEAD + shop, encoding="utf-8")
    monkeypatch.chdir(root)

    got = millpond(["reports", "reconcile", "--orders", "shop.csv", *words])

    told = capsys.readouterr()
    assert (got, said in told.err) == (code, True)
    assert bool(told.out) == (code in (0, 1))


def test_without_the_sites_key_nothing_is_compared_and_no_key_made(
    settings: Settings,
) -> None:
    asked = reconcile_run.ReconcileRequest(
        site=None, file=Path(__file__), period=None, columns={}
    )

    with pytest.raises(Exception, match="key_dir") as raised:
        reconcile_run.run(settings, asked, today, io.StringIO(), "table")

    assert getattr(raised.value, "exit_code", None) == 2
    assert not Path(settings.privacy.key_dir).exists()
