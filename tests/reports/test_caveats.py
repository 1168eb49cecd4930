"""Every output shows the same caveats beside the same figures."""

import html
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.settings import Settings, SiteSettings
from reports.answer import Answer
from reports.caveats import CaveatKind
from reports.counting.queries import Statistics
from reports.query import parse_query
from reports.terminal.show import RawQueryReader
from tests.reports.sample_queries import BLOG, SHOP, TODAY, body, local_now, today
from tests.reports.sample_tables import store
from tests.reports.web.serving import serving
from tests.warehouse.day_frames import Row, event, midnight
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

FIRST = date(2026, 11, 18)
PERIOD = ["2026-11-16", "2026-11-22"]
METRICS = ["visitors", "pageviews", "value_minor"]


def seen(day: date, **changes: Any) -> Row:
    """Return a pageview on *day*."""
    return event(day=day, visitor=day.toordinal(), **changes)


def order(currency: str) -> Row:
    """Return an order of today."""
    placed: Row = {"name": "order_placed", "order_key": 7, "currency": currency}
    return event("13:00", day=TODAY, value_minor=500, **placed)


def dated_elsewhere() -> Row:
    """Return an event of the first day that another time zone put there."""
    return seen(FIRST) | {"at": midnight(FIRST) - 3_600}


WEEK = [seen(FIRST + timedelta(n)) for n in range(5)]
K = CaveatKind
CASES = [
    pytest.param(WEEK, [], id="whole days"),
    pytest.param([*WEEK, order("EUR")], [], id="an order in the site's currency"),
    pytest.param([*WEEK, order("USD")], [K.OTHER_CURRENCIES], id="two currencies"),
    pytest.param([*WEEK[:1], *WEEK[2:]], [K.EMPTY_DAYS], id="a missing day"),
    pytest.param(WEEK[:-1], [], id="today has just begun"),
    pytest.param(
        [*WEEK[:2], *WEEK[3:], event(day=FIRST + timedelta(2), visitor=None)],
        [K.NO_VISITORS],
        id="a day without visitors",
    ),
    pytest.param([*WEEK, seen(FIRST, late=True)], [K.LATE_EVENTS], id="a closed salt"),
    pytest.param(
        [*WEEK, seen(FIRST, late=True, site="blog")], [], id="late at another site"
    ),
    pytest.param(
        [*WEEK, dated_elsewhere()], [K.CHANGED_TIMEZONE], id="a changed time zone"
    ),
]


def _answer(warehouse: Warehouse, site: SiteSettings = SHOP) -> Answer:
    raw = body(metrics=METRICS, date_range=PERIOD)
    return Statistics(warehouse).answer(parse_query(raw, {"shop": site}, today))


@pytest.mark.parametrize(("events", "expected"), CASES)
def test_a_caveat_stands_beside_the_figures_it_is_about(
    tmp_path: Path, events: Sequence[Row], expected: list[CaveatKind]
) -> None:
    got = _answer(store(tmp_path, events)).caveats

    assert [each.kind for each in got] == [K.DAILY_VISITORS, *expected]


def test_days_in_a_former_currency_are_named(tmp_path: Path) -> None:
    warehouse = store(tmp_path, WEEK)

    answer = _answer(warehouse, replace(SHOP, currency="CHF"))

    kinds = [each.kind for each in answer.caveats]
    assert kinds == [K.DAILY_VISITORS, K.CHANGED_CURRENCY]
    assert "EUR on 5 days" in answer.caveats[-1].text
    assert answer.other_currencies == ()


def test_days_without_events_are_named_where_events_are_counted(
    tmp_path: Path,
) -> None:
    warehouse = store(tmp_path, WEEK)
    warehouse.open(EVENTS).delete_days([FIRST], now_s=0)
    raw = body(date_range=PERIOD, dimensions=["page", "country"])

    answer = Statistics(warehouse).answer(parse_query(raw, {"shop": SHOP}, today))

    assert [each.kind for each in answer.caveats] == [
        K.DAILY_VISITORS,
        K.DELETED_EVENTS,
    ]


UNSEEN = FIRST + timedelta(2)
WITHOUT_A_VISITOR = [*WEEK[:2], *WEEK[3:], event(day=UNSEEN, visitor=None)]


def test_private_addresses_are_named_as_a_cause_of_days_without_visitors(
    tmp_path: Path,
) -> None:
    caveat = _answer(store(tmp_path, WITHOUT_A_VISITOR)).caveats[-1]

    assert caveat.kind is K.NO_VISITORS
    assert caveat.text == (
        f"1 day ({UNSEEN}) with page views and no visitors: visitors' addresses do not"
        " arrive, or are private as on an intranet; run millpond proxy doctor"
    )


MANY = [*WEEK[:1], *WEEK[2:], order("USD"), seen(FIRST, late=True), dated_elsewhere()]


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        pytest.param(
            MANY,
            ["other_currencies", "empty_days", "changed_timezone", "late_events"],
            id="many",
        ),
        pytest.param(WITHOUT_A_VISITOR, ["no_visitors"], id="no visitors"),
    ],
)
async def test_every_output_shows_the_same_list(
    settings: Settings, rows: Sequence[Row], kinds: list[str]
) -> None:
    warehouse = store(Path(settings.warehouse.uri), rows)
    raw = body(metrics=METRICS, date_range=PERIOD, dimensions=["page"])
    settings = replace(settings, sites=(SHOP, BLOG))

    def printed(form: str) -> str:
        out = io.BytesIO()
        stdout = io.TextIOWrapper(out, encoding="utf-8", newline="")
        reader = RawQueryReader(settings, local_now, stdout, 200)
        if form == "table":
            reader.print_overview(raw, adds_orders=False)
        else:
            caveats = reader.print_answer(raw, form)
            return "\n".join(each.text for each in caveats)
        stdout.flush()
        return out.getvalue().decode()

    async with serving(settings, warehouse) as url, aiohttp.ClientSession() as client:
        async with client.get(f"{url}/?site=shop&period=7d") as got:
            page = html.unescape(await got.text())
        async with client.post(f"{url}/api/v1/query", json=raw) as got:
            listed = (await got.json())["meta"]["caveats"]

    texts = [each["text"] for each in listed]
    assert [each["kind"] for each in listed] == ["daily_visitors", *kinds]
    for shown in (page, printed("table"), printed("csv")):
        assert [text for text in texts if text not in shown] == []
