"""The orders of the shop are compared with the stored orders, one by one."""

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
from tests.reports.reconcile import invoices
from tests.reports.sample_queries import BLOG, SHOP, today
from tests.reports.sample_tables import store
from tests.warehouse.day_frames import Row, event
from warehouse.keyed_hash import HashPurpose, keyed_hash
from warehouse.money import money

KEY = bytes(range(32))
SERVER: Row = {"server": True, "visitor": None}


def order(name: str, clock: str = "12:05", /, **changes: Any) -> Row:
    """Return a stored order, hashed with the key of the site."""
    key = keyed_hash(KEY, HashPurpose.ORDER, name)
    placed: Row = {"name": "order_placed", "order_key": key, "currency": "EUR"}
    return event(clock, **{"day": today(SHOP), **placed, **changes})


def refund(name: str, minor: int | None) -> Row:
    """Return a stored refund."""
    refund_fields: Row = {"name": "order_refunded", "refund_minor": minor}
    return order(name, "20:00", **SERVER, **refund_fields)


def _reconcile(
    settings: Settings, events: Iterable[Row], shop: str, **options: Any
) -> tuple[bool, str]:
    """Return whether the lists are equal, and the output."""
    keys = Path(settings.privacy.key_dir)
    keys.mkdir()
    (keys / "shop.key").write_bytes(KEY)
    (keys / "shop.key").chmod(0o600)
    store(Path(settings.warehouse.uri), events)
    file = keys.parent / "shop.csv"
    file.write_text(shop, encoding=options.pop("encoding", "utf-8"))
    output_format, width = options.pop("form", "table"), 100
    defaults: dict[str, Any] = {
        "site": "shop",
        "period": None,
        "columns": {},
    }
    request = reconcile_run.ReconcileRequest(**{**defaults, "file": file, **options})
    out = io.BytesIO()
    stdout = io.TextIOWrapper(out, encoding="utf-8", newline="")
    sites = replace(settings, sites=(SHOP, BLOG))
    equal = reconcile_run.run(sites, request, today, stdout, output_format, width)
    stdout.flush()
    return equal, out.getvalue().decode()


def outcome(settings: Settings, *events: Row, shop: str, **asked: Any) -> Any:
    """Return status by order, and the counts beside them."""
    equal, text = _reconcile(settings, events, shop, form="json", **asked)
    found = json.loads(text)
    assert found["meta"]["equal"] is equal
    lines = {line["order"]: line["status"] for line in found["results"]}
    return lines, found["meta"]


_HEAD = "order id,total,currency,date\n"


def _row(name: str, total: str, currency: str = "EUR", day: str = "2026-11-22") -> str:
    return f"{name},{total},{currency},{day}\n"


def test_an_order_matches_only_with_the_same_amount_and_currency(
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


def test_two_reports_of_an_order_count_once_with_the_server_amount(
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
    ("total", "refund_minor", "status"),
    [
        pytest.param("5.00", None, "refunded", id="full refund, listed with the total"),
        pytest.param("0.00", None, "refunded", id="full refund, listed with zero"),
        pytest.param(
            "3.00", 200, "refunded", id="partial refund, listed with the rest"
        ),
        pytest.param(
            "4.00", 200, "different", id="partial refund, listed with another amount"
        ),
    ],
)
def test_a_refunded_order_may_be_listed_with_its_total_or_the_rest(
    settings: Settings, total: str, refund_minor: int | None, status: str
) -> None:
    lines, meta = outcome(
        settings,
        order("1", value_minor=500),
        refund("1", refund_minor),
        shop=_HEAD + _row("1", total),
    )

    assert lines == {"1": status}
    assert meta["refunded_minor"] == (refund_minor or 500)


def test_a_refund_of_a_later_day_is_found(settings: Settings) -> None:
    late = refund("1", None) | {"day": today(SHOP).replace(day=24)}
    late["at"] += 2 * 86_400

    lines, _ = outcome(
        settings, order("1", value_minor=500), late, shop=_HEAD + _row("1", "5")
    )

    assert lines == {"1": "refunded"}


def test_without_a_period_the_days_of_the_list_are_compared(
    settings: Settings,
) -> None:
    before = today(SHOP).replace(day=2)
    events = [order("old", day=before, value_minor=1), order("1", value_minor=500)]

    lines, meta = outcome(settings, *events, shop=_HEAD + _row("1", "5"))

    assert (lines, meta["date_range"]) == ({}, ["2026-11-22", "2026-11-22"])


def test_a_period_excludes_other_days_but_matches_an_order_on_any_day(
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
            id="sessions of visitors that the server names",
        ),
        pytest.param(
            [order("1"), order("1", **SERVER), order("2", **SERVER)],
            (2, 3, 0),
            id="orders that browsers report",
        ),
        pytest.param(
            [order("1", **SERVER), order("2", **SERVER)],
            (0, 0, 3),
            id="no browser reports",
        ),
        pytest.param(
            [
                event("12:30", day=today(SHOP)),
                order("1", "12:05", **SERVER | {"visitor": 1}),
            ],
            (1, 1, 2),
            id="a session that started later",
        ),
        pytest.param(
            [
                event("11:00", day=today(SHOP)),
                event("14:00", day=today(SHOP)),
                order("1", "12:30", **SERVER | {"visitor": 1}),
            ],
            (0, 1, 2),
            id="an order between two sessions",
        ),
    ],
)
def test_unseen_orders_are_counted_among_the_orders_that_can_be_checked(
    settings: Settings, events: list[Row], unseen: tuple[int, int, int]
) -> None:
    shop = _HEAD + "".join(_row(name, "1") for name in "123")

    _, meta = outcome(settings, *events, shop=shop)

    counts = meta["unseen"]
    assert (counts["orders"], counts["checked"], counts["unchecked"]) == unseen


def _week_of_orders() -> tuple[list[Row], str]:
    """Return the orders of a small shop, as stored and as the shop lists them."""
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
    return events, _HEAD + "".join(_row(*cells) for cells in listed)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_the_output_equals_the_reviewed_files(
    settings: Settings, golden: Any, form: str
) -> None:
    events, shop = _week_of_orders()

    equal, got = _reconcile(settings, events, shop, form=form)

    assert not equal
    suffix = {"table": ".txt"}.get(form, f".{form}")
    golden(f"reconcile{suffix}", got.replace("\r\n", "\n"))


def test_control_characters_in_an_order_id_are_escaped(settings: Settings) -> None:
    _, got = _reconcile(settings, [order("1")], _HEAD + _row("\x1b[31m1006", "7"))

    assert "\x1b" not in got
    assert "\\x1b[31m1006" in got


def test_no_order_id_of_the_shop_is_stored(settings: Settings, tmp_path: Path) -> None:
    _reconcile(settings, [order("1", value_minor=5)], _HEAD + _row("CANARY-1001", "5"))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    containing = [path.name for path in files if b"CANARY-1001" in path.read_bytes()]
    assert containing == ["shop.csv"]


@pytest.mark.parametrize("lines", [invoices.generated, invoices.from_retailer])
def test_invoices_of_many_lines_match_the_stored_orders(
    settings: Settings, lines: Callable[[], Iterator[invoices.Line]]
) -> None:
    totals: dict[str, Decimal] = {}
    days: dict[str, str] = {}
    for row in lines():
        amount = int(row["Quantity"]) * Decimal(row["UnitPrice"])
        name = row["InvoiceNo"]
        totals[name] = totals.get(name, Decimal(0)) + amount
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

    statuses, meta = outcome(settings, *events, shop=shop, decimal="comma")

    assert statuses == dict.fromkeys(lost, "missing")
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
    ("options", "shop", "code", "message"),
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
def test_the_exit_code_tells_the_outcome(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    shop: str,
    code: int,
    message: str,
) -> None:
    _reconcile(
        settings, [order("1", value_minor=500)], _HEAD + shop if not shop else _HEAD
    )
    root = Path(settings.warehouse.uri).parent
    (root / "millpond.toml").write_text(_CONFIG, encoding="utf-8")
    (root / "shop.csv").write_text(_HEAD + shop, encoding="utf-8")
    monkeypatch.chdir(root)

    got = millpond(["reports", "reconcile", "--orders", "shop.csv", *options])

    output = capsys.readouterr()
    assert (got, message in output.err) == (code, True)
    assert bool(output.out) == (code in (0, 1))


def test_without_the_site_key_nothing_is_compared_and_no_key_created(
    settings: Settings,
) -> None:
    request = reconcile_run.ReconcileRequest(
        site=None, file=Path(__file__), period=None, columns={}
    )

    with pytest.raises(Exception, match="key_dir") as raised:
        reconcile_run.run(settings, request, today, io.StringIO(), "table")

    assert getattr(raised.value, "exit_code", None) == 2
    assert not Path(settings.privacy.key_dir).exists()
