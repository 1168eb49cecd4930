"""Daily stats count each measure under the right value of each dimension."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tests.warehouse.day_frames import Row, build_day, event, figures, frame
from warehouse.dtypes import check_frame
from warehouse.figures.daily_stats import daily_stats
from warehouse.figures.sessionize import sessionize
from warehouse.figures.sessions import sessions
from warehouse.schema import DAILY_STATS

ORDER: Row = {"name": "order_placed", "value_minor": 500, "currency": "EUR"}
REFUND: Row = {"name": "order_refunded", "currency": "EUR", "server": True}


def by(dimension: str, measure: str, *events: Row, limit: int = 100) -> dict[str, Any]:
    """Return one measure by value of a dimension."""
    return figures(build_day(events, limit)[1], dimension, measure)


def item(product: str, quantity: int = 1, price_minor: int | None = 100) -> Row:
    """Return one line of an order."""
    return {
        "product": product,
        "variant": None,
        "quantity": quantity,
        "price_minor": price_minor,
    }


def test_the_total_has_every_measure() -> None:
    _, stats = build_day(
        [
            event("12:00", engaged_ms=100),
            event("12:10", name="engagement", engaged_ms=400),
            event("14:00"),
            event("14:05", **ORDER),
            event("12:00", visitor=2),
            event("12:00", visitor=None),
            event("12:01", visitor=None, **ORDER),
            event("15:00", visitor=None, **REFUND | {"refund_minor": 120}),
        ]
    )

    total = stats.filter(dimension="total").drop("site", "day", "dimension")
    assert total.to_dicts() == [
        {
            "value": "(all)",
            "currency": "EUR",
            "visitors": 2,
            "sessions": 3,
            "bounces": 2,
            "conversions": 1,
            "pageviews": 4,
            "events": 7,
            "duration_s": 900,
            "engaged_ms": 500,
            "orders": 2,
            "value_minor": 1_000,
            "refunds": 1,
            "refund_minor": 120,
        }
    ]


def test_all_events_of_a_session_count_under_the_value_of_the_session() -> None:
    events = [
        event("12:00", source="A", path="/a"),
        event("12:05", source="B", path="/b"),
        event("12:06", **ORDER, source="C"),
    ]

    assert by("source", "pageviews", *events) == {"A": 2}
    assert by("source", "orders", *events) == {"A": 1}
    assert by("entry_page", "events", *events) == {"/a": 3}
    assert by("exit_page", "duration_s", *events) == {"/b": 360}


def test_an_event_without_a_session_counts_under_its_own_values() -> None:
    sessionless = event(visitor=None, source="B", country="FR", path="/b", **ORDER)
    events = [event(source="A"), sessionless]

    assert by("source", "orders", *events) == {"A": 0, "B": 1}
    assert by("country", "events", *events) == {"(none)": 1, "FR": 1}
    assert by("source", "sessions", *events) == {"A": 1, "B": 0}
    assert by("entry_page", "events", *events) == {"(none)": 1, "/": 1}


def test_a_visitor_with_several_sessions_counts_once_per_value() -> None:
    clocks = {"08:00": "A", "10:00": "B", "12:00": "A", "14:00": "A"}
    events = [event(clock, source=source) for clock, source in clocks.items()]

    assert by("source", "visitors", *events) == {"A": 1, "B": 1}
    assert by("source", "sessions", *events) == {"A": 3, "B": 1}
    assert by("total", "visitors", *events) == {"(all)": 1}
    assert by("page", "visitors", *events) == {"/": 1}


def test_the_same_visitor_hash_at_another_site_is_another_visitor() -> None:
    _, stats = build_day([event("12:00"), event("06:00", site="blog")])

    for site in ("shop", "blog"):
        assert figures(stats, "total", "visitors", site=site) == {"(all)": 1}


def test_pages_count_their_events_and_their_visitors() -> None:
    events = [
        event("12:00", path="/a"),
        event("12:01", path="/b"),
        event("12:02", path="/a"),
        event("12:03", path="/b", name="signup"),
        event("12:04", path="/b", name="engagement", engaged_ms=300),
        event("12:05", path="/c", **ORDER),
        event("12:00", path="/a", visitor=2),
        event("12:00", path=None, visitor=None),
    ]

    _, stats = build_day(events)
    measures = ("visitors", "sessions", "bounces", "pageviews", "events", "duration_s")
    assert figures(stats, "page", *measures) == {
        "(none)": (0, 0, 0, 1, 1, 0),
        "/a": (2, 2, 1, 3, 3, 300),
        "/b": (1, 1, 0, 1, 2, 300),
        "/c": (0, 0, 0, 0, 1, 0),
    }
    assert figures(stats, "page", "engaged_ms")["/b"] == 300
    assert figures(stats, "page", "value_minor")["/c"] == 500


@pytest.mark.parametrize("limit", [100, 1])
@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"server": True}, id="server event"),
        pytest.param({"passive": True}, id="passive event"),
    ],
)
def test_a_bounce_counts_once_on_the_page_of_its_interactive_pageview(
    other: Row, limit: int
) -> None:
    # A table may hold passive pageviews, although the proxy writes none.
    events = [
        event("11:59", path="/first", **other),
        event("12:00", path="/viewed"),
        event("12:01", path="/last", **other),
    ]

    _, stats = build_day(events, limit)

    pages = figures(stats, "page", "bounces")
    assert figures(stats, "total", "bounces") == {"(all)": 1}
    assert sum(pages.values()) == 1
    if limit > 1:
        assert pages["/viewed"] == 1


def test_events_count_by_name_without_engagement_events() -> None:
    events = [
        event("12:00"),
        event("12:01", name="signup"),
        event("12:02", name="signup"),
        event("12:03", name="engagement", engaged_ms=300),
        event("18:00", name="signup"),
        event("12:00", name="signup", visitor=None),
    ]

    assert by("event", "events", *events) == {"pageview": 1, "signup": 4}
    assert by("event", "sessions", *events) == {"pageview": 1, "signup": 2}
    assert by("event", "visitors", *events) == {"pageview": 1, "signup": 1}
    assert by("event", "pageviews", *events) == {"pageview": 1, "signup": 0}


def test_products_count_the_events_and_orders_with_their_items() -> None:
    viewed = {"name": "product_viewed", "items": [item("p"), item("p"), item("q")]}
    ordered = ORDER | {"items": [item("p", 2), item("p", -1), item("q", 3, None)]}
    events = [event("12:00", **viewed), event("12:05", **ordered), event("12:06")]

    assert by("product", "events", *events) == {"p": 2, "q": 2}
    assert by("product", "sessions", *events) == {"p": 1, "q": 1}
    assert by("product", "orders", *events) == {"p": 1, "q": 1}
    assert by("product", "value_minor", *events) == {"p": 100, "q": 0}


def test_what_was_added_to_carts_is_told_from_what_was_removed() -> None:
    cart: Row = {"name": "cart_updated"}
    events = [
        event(),
        event("12:01", **cart, cart_action="added"),
        event("12:02", **cart, cart_action="added"),
        event("12:03", **cart, cart_action="removed"),
        event("12:04", **cart),
        event("12:05", visitor=2, **cart, cart_action="removed"),
        event("12:06", name="order_placed", value_minor=100),
    ]

    assert by("cart_action", "events", *events) == {"added": 2, "removed": 2}
    assert by("cart_action", "sessions", *events) == {"added": 1, "removed": 2}
    assert by("cart_action", "orders", *events) == {"added": 0, "removed": 0}
    assert by("event", "events", *events)["cart_updated"] == 5


@pytest.mark.parametrize(
    ("day", "since_s", "hour"),
    [
        pytest.param(date(2026, 7, 1), 2 * 3_600, "02", id="a day of 24 hours"),
        pytest.param(date(2026, 3, 29), 2 * 3_600, "03", id="2 o'clock does not exist"),
        pytest.param(date(2026, 10, 25), 2 * 3_600, "02", id="first 2 o'clock"),
        pytest.param(date(2026, 10, 25), 3 * 3_600, "02", id="second 2 o'clock"),
        pytest.param(date(2026, 10, 25), 24 * 3_600 + 1, "23", id="the 25th hour"),
    ],
)
def test_the_hour_is_in_the_time_zone_of_the_site(
    day: date, since_s: int, hour: str
) -> None:
    shifted = event(f"00:00:{since_s}", day=day)

    assert by("hour", "pageviews", shifted) == {hour: 1}


def test_events_count_by_their_hour_and_sessions_by_their_first_hour() -> None:
    events = [
        event("12:50"),
        event("13:10"),
        event("13:20", name="engagement", engaged_ms=5),
        event("18:00"),
        event("18:00", visitor=None),
    ]

    _, stats = build_day(events)
    measures = ("visitors", "sessions", "bounces", "pageviews", "duration_s")
    assert figures(stats, "hour", *measures) == {
        "12": (1, 1, 0, 1, 1_800),
        "13": (0, 0, 0, 1, 0),
        "18": (1, 1, 1, 2, 0),
    }
    assert figures(stats, "hour", "engaged_ms")["13"] == 5


def test_orders_in_another_currency_have_separate_rows() -> None:
    dollars = ORDER | {"currency": "USD", "source": "A"}
    _, stats = build_day(
        [event("12:00", source="A"), event("12:01", **ORDER), event("12:02", **dollars)]
    )

    for dimension in ("total", "source", "page", "event", "hour"):
        rows = stats.filter(pl.col("orders") > 0, dimension=dimension).sort("currency")
        measures = ("currency", "sessions", "events", "orders", "value_minor")
        assert [tuple(row[name] for name in measures) for row in rows.to_dicts()] == [
            ("EUR", *((1, 2) if dimension == "event" else (1, 3)), 1, 500),
            ("USD", 0, 0, 1, 500),
        ]


def test_a_refund_counts_under_the_values_of_its_order() -> None:
    key: Row = {"order_key": 1, "items": [item("p", 2), item("q", 3)]}
    refund_row: Row = REFUND | {"visitor": None, "order_key": 1, "path": None}
    events = [
        event("12:00", source="A"),
        event("12:05", **ORDER, **key, path="/cart"),
        event("18:00", **refund_row, refund_minor=500),
    ]

    assert by("source", "refund_minor", *events) == {"(none)": 0, "A": 500}
    assert by("source", "events", *events) == {"(none)": 1, "A": 2}
    # The hour and the page are those of the refund event: later, and on no page.
    assert by("hour", "refunds", *events) == {"12": 0, "18": 1}
    assert by("page", "refunds", *events) == {"(none)": 1, "/": 0, "/cart": 0}
    assert by("event", "refunds", *events)["order_refunded"] == 1
    # The whole order is refunded, so the refund has the lines of the order.
    assert by("product", "refund_minor", *events) == {"p": 200, "q": 300}


def test_a_refund_of_some_lines_counts_under_their_products() -> None:
    key: Row = {"order_key": 1, "items": [item("p", 2), item("q", 3)]}
    refund_row: Row = REFUND | {"visitor": None, "order_key": 1}
    events = [
        event("12:05", **ORDER, **key),
        event("18:00", **refund_row, refund_minor=100, items=[item("p", -1)]),
        event("19:00", **refund_row, refund_minor=50),
    ]

    assert by("product", "refund_minor", *events) == {"p": 100, "q": 0}
    assert by("total", "refund_minor", *events) == {"(all)": 150}


def test_a_session_with_orders_is_one_conversion() -> None:
    events = [
        event("12:00", source="A", path="/a"),
        event("12:05", path="/b", **ORDER),
        event("12:06", path="/b", **ORDER),
        event("15:00", source="A"),
        event(visitor=None, source="B", **ORDER),
    ]

    _, stats = build_day(events)
    measures = ("sessions", "conversions", "orders")
    assert figures(stats, "source", *measures) == {"A": (2, 1, 2), "B": (0, 0, 1)}
    assert figures(stats, "page", *measures)["/a"] == (1, 1, 0)
    assert figures(stats, "hour", *measures)["12"] == (1, 1, 3)


@pytest.mark.parametrize("dimension", ["source", "entry_page", "page", "product"])
def test_values_over_the_limit_fold_into_one_with_exact_visitors(
    dimension: str,
) -> None:
    values = {1: "aa", 2: "bbbc", 3: "dc", 4: "d"}
    events = [
        event(
            f"{6 + 2 * number}:00",
            visitor=visitor,
            source=value,
            path=value,
            items=[item(value)],
        )
        for visitor, names in values.items()
        for number, value in enumerate(names)
    ]

    # By sessions: b has 3; a, c and d have 2 each. The first by name of these stays.
    assert by(dimension, "sessions", *events, limit=2) == {"(other)": 4, "a": 2, "b": 3}
    assert by(dimension, "visitors", *events, limit=2) == {"(other)": 3, "a": 1, "b": 1}
    assert by(dimension, "events", *events, limit=2) == {"(other)": 4, "a": 2, "b": 3}


def test_values_with_more_sessions_stay_even_with_fewer_events() -> None:
    busy = [event(source="a", path=f"/{number}") for number in range(9)]
    known = [event(visitor=visitor, source="b") for visitor in (2, 3)]
    events = [*busy, *known]

    assert by("source", "events", *events, limit=1) == {"(other)": 9, "b": 2}


def test_of_values_with_equal_sessions_those_with_more_events_stay() -> None:
    events = [event(source="a"), event(source="b", visitor=2)]
    events.append(event("12:01", visitor=2))

    assert by("source", "events", *events, limit=1) == {"(other)": 1, "b": 2}


def test_a_session_with_several_folded_values_counts_once() -> None:
    events = [
        event(f"12:{minute:02}", path=path) for minute, path in enumerate("aabcd")
    ]

    assert by("page", "sessions", *events, limit=1) == {"(other)": 1, "a": 1}
    assert by("page", "pageviews", *events, limit=1) == {"(other)": 3, "a": 2}


def test_orders_of_other_currencies_fold_with_their_value() -> None:
    dollars = ORDER | {"currency": "USD", "source": "B"}
    events = [event(source="A"), event(visitor=None, **dollars)]

    _, stats = build_day(events, 1)

    folded = stats.filter(dimension="source", currency="USD")
    assert folded["value"].to_list() == ["(other)"]


def test_a_value_equal_to_the_label_for_unknown_counts_under_it() -> None:
    events = [event("12:00", path=None), event("12:01", path="(none)")]

    assert by("page", "sessions", *events) == {"(none)": 1}
    assert by("page", "pageviews", *events) == {"(none)": 2}


def test_suspect_sessions_are_in_no_figure() -> None:
    suspect = [event(visitor=9, path="/x", **ORDER) for _ in range(2)]
    suspect += [event(visitor=9, path="/x") for _ in range(1_001)]
    normal = [event("10:00", visitor=1), event("08:00", visitor=9)]

    # The other session of the visitor still counts.
    assert by("total", "sessions", *suspect, *normal) == {"(all)": 2}
    assert by("total", "orders", *suspect, *normal) == {"(all)": 0}
    assert by("page", "pageviews", *suspect, *normal) == {"/": 2}
    assert by("event", "visitors", *suspect, *normal) == {"pageview": 2}


def test_daily_stats_have_the_columns_of_their_table() -> None:
    day = sessionize(frame([]))
    empty_stats = daily_stats(day, sessions(day, {}, {}), {}, {}, 10)

    check_frame(empty_stats, DAILY_STATS)
    check_frame(build_day([event()])[1], DAILY_STATS)
    assert empty_stats.is_empty()
