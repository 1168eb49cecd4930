"""Hypothesis strategies for a day of events, with many events near the limits."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.warehouse.day_frames import Row, event, midnight

# A day of 23 hours in Berlin, one of 25, one of 25 in New York, and one of 24.
DAYS = (date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1), date(2026, 7, 1))
# Gaps just below, at and above the timeout, times after midnight, the end of an hour.
_EDGES = (0, 1, 5, 1_799, 1_800, 1_801, 3_599, 3_600, 7_200, 10_799, 10_800, 43_200)
_SECONDS = st.one_of(
    st.sampled_from(_EDGES),
    st.builds(
        lambda edge, step: edge + step * 1_800,
        st.sampled_from(_EDGES),
        st.integers(0, 2),
    ),
    st.integers(0, 82_799),
)
_NAMES = (
    *("pageview", "pageview", "pageview", "engagement", "order_placed", "signup"),
    *("product_viewed", "cart_updated", "checkout_started", "(none)"),
    *("order_placed", "order_refunded", "order_refunded"),
)


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from((None, *values))


_ITEM = st.fixed_dictionaries(
    {
        "product": st.sampled_from(("p1", "p2")),
        "variant": _maybe("L"),
        "quantity": st.integers(-1, 3),
        "price_minor": _maybe(5, 100),
    }
)


def events_of(day: date) -> st.SearchStrategy[Row]:
    """Return a strategy for any event of *day* at one of two sites."""
    return st.builds(
        _event_at,
        st.just(day),
        _SECONDS,
        st.fixed_dictionaries(
            {
                "site": st.sampled_from(("shop", "shop", "blog")),
                "seq": st.integers(0, 1),
                "event_id": _maybe(*range(-2, 9)),
                "visitor": _maybe(1, 1, 2, 2, -3),
                "name": st.sampled_from(_NAMES),
                "server": st.sampled_from((False, False, True)),
                "passive": st.sampled_from((False, False, True)),
                "path": _maybe("/", "/a", "(none)"),
                "hostname": _maybe("shop.example", "www.shop.example"),
                "props": _maybe(
                    '{"plan":"pro"}', '{"plan":"a \\"b\\"","size":1.5}', '{"size":true}'
                ),
                "channel": _maybe("internal", "internal", "search", "direct"),
                "referrer": _maybe("example.org"),
                "source": _maybe("Example", "(other)"),
                "utm_campaign": _maybe("x", "y", "z", "w"),
                "country": _maybe("DE", "FR"),
                "browser": _maybe("Firefox"),
                "engaged_ms": _maybe(0, 1_500),
                "order_key": _maybe(1, 2),
                "cart_action": _maybe("added", "removed"),
                "currency": _maybe("EUR", "USD", "JPY"),
                "value_minor": _maybe(0, 995),
                "amount_from_items": st.booleans(),
                "refund_minor": _maybe(5, 600),
                "items": st.none() | st.lists(_ITEM, max_size=2),
            }
        ),
    )


def _event_at(day: date, second: int, changes: Row) -> Row:
    row = event(**changes, day=day)
    return row | {"at": midnight(day, row["site"]) + second}


def days_of_events(max_size: int = 24) -> st.SearchStrategy[list[Row]]:
    """Return a strategy for the events of one day, in any order."""
    return st.sampled_from(DAYS).flatmap(
        lambda day: st.lists(events_of(day), max_size=max_size)
    )
