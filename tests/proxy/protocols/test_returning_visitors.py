"""A visitor who comes back from a payment page keeps the source of the visit."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from config.settings import SiteSettings
from proxy.pipeline.hit import Order
from tests.proxy.pipeline.pipeline_setup import NOON, Pipeline
from tests.proxy.protocols.page_views import KEY, PAGE_VIEWS, UMAMI_KEY, PageView
from warehouse.dtypes import polars_schema
from warehouse.figures.sessionize import sessionize
from warehouse.figures.sessions import sessions
from warehouse.schema import EVENTS, Event

SHOP = SiteSettings(
    id="shop",
    domains=("shop.example",),
    keys=(KEY, UMAMI_KEY),
    timezone="Europe/Berlin",
    ignore_referrers=("bank.example",),
)
NEWSLETTER = "https://shop.example/?utm_source=june&utm_medium=email"
THANKS = "https://shop.example/thanks"
# 2026-11-23 in Berlin.
EIGHT_PM = NOON + 7 * 3_600
MINUTE = 60


def sessions_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    rows = [msgspec.structs.asdict(event) for event in events]
    for row in rows:
        row["at"] *= 1_000_000
    frame = pl.DataFrame(rows, schema=polars_schema(EVENTS))
    found = sessions(sessionize(frame), {"shop": "EUR"}, {"shop": "Europe/Berlin"})
    return found.to_dicts()


@pytest.mark.parametrize("view", PAGE_VIEWS.values(), ids=PAGE_VIEWS.keys())
@pytest.mark.parametrize("minutes", [20, 50])
@pytest.mark.parametrize(
    "referrer",
    [
        "https://www.paypal.com/",
        "https://secure5.arcot.com/acspage/cap",
        "https://acs2.somebank.example/3ds",
        "https://accounts.google.com/",
        "https://pay.bank.example/",
    ],
)
def test_an_order_after_the_payment_page_belongs_to_the_newsletter(
    tmp_path: Path, view: PageView, minutes: int, referrer: str
) -> None:
    pipeline = Pipeline(tmp_path, SHOP).prefetch(EIGHT_PM)
    visit = pipeline.event(view(NEWSLETTER, ""), now_s=EIGHT_PM)
    thanks = view(THANKS, referrer)
    thanks.order = Order(id="1", currency="EUR", value=None)
    thanks.name = "order_placed"
    order = pipeline.event(thanks, now_s=EIGHT_PM + minutes * MINUTE)
    events = [msgspec.structs.replace(event, visitor=7) for event in (visit, order)]

    found = sessions_of(events)

    assert (order.referrer, order.source, order.channel) == (None, None, "internal")
    assert {(row["source"], row["channel"]) for row in found} == {("june", "email")}
    assert sum(row["orders"] for row in found) == 1


def test_a_payment_over_midnight_acquires_nobody(tmp_path: Path) -> None:
    past_midnight = EIGHT_PM + 245 * MINUTE
    pipeline = Pipeline(tmp_path, SHOP).prefetch(past_midnight)
    view = PAGE_VIEWS["native"](THANKS, "https://www.paypal.com/")

    (session,) = sessions_of([pipeline.event(view, now_s=past_midnight)])

    assert session["continued"]
    assert (session["referrer"], session["source"]) == (None, None)
    assert (session["channel"], session["bounce"]) == ("internal", False)


def test_a_referrer_is_ignored_only_where_the_site_says_so(tmp_path: Path) -> None:
    other = replace(SHOP, ignore_referrers=())
    view = PAGE_VIEWS["native"]("https://shop.example/", "https://www.bank.example/a")

    got = [
        Pipeline(tmp_path, site).prefetch().event(view).channel
        for site in (SHOP, other)
    ]

    assert got == ["internal", "referral"]
