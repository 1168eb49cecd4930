"""Properties of sessions and daily_stats for any events.

They equal a plain reference, and they add up. Row order, duplicates and late arrival
do not change them.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_settings import few_examples
from tests.warehouse.day_frames import CURRENCIES, ZONES, Row, build_day, frame, rows
from tests.warehouse.event_strategies import days_of_events
from tests.warehouse.figures import reference
from warehouse.figures.breakdown import MEASURES
from warehouse.figures.daily_stats import daily_stats
from warehouse.figures.day_facts import BY_SESSION
from warehouse.figures.sessionize import sessionize
from warehouse.figures.sessions import sessions
from warehouse.schema import DAILY_STATS, SESSIONS

SLOW = few_examples()
# The long timeout allows a session of a whole day, which is suspect.
TIMEOUTS = st.sampled_from((1_800, 1_800, 43_200))
LIMITS = st.sampled_from((1, 2, 100))


def in_key_order(session_rows: list[Row]) -> list[Row]:
    """Return sessions in the order of their key."""
    return sorted(
        session_rows, key=lambda row: (row["site"], row["visitor"], row["session"])
    )


def figures_of(stats: pl.DataFrame) -> dict[tuple[Any, ...], Row]:
    """Return the measures of every row of daily_stats by its key."""
    key = ("site", "dimension", "value", "currency")
    return {
        tuple(row[name] for name in key): {name: row[name] for name in MEASURES}
        for row in stats.to_dicts()
    }


@SLOW
@given(days_of_events(), TIMEOUTS)
def test_sessions_equal_the_plain_reference(events: list[Row], timeout_s: int) -> None:
    day = sessionize(frame(events), timeout_s)

    got = rows(sessions(day, CURRENCIES, ZONES, timeout_s))

    expected = reference.sessions(events, CURRENCIES, ZONES, timeout_s)
    assert in_key_order(got) == in_key_order(expected)


@SLOW
@given(days_of_events(), TIMEOUTS, LIMITS)
def test_figures_equal_the_plain_reference(
    events: list[Row], timeout_s: int, value_limit: int
) -> None:
    day = sessionize(frame(events), timeout_s)
    sessions_frame = sessions(day, CURRENCIES, ZONES, timeout_s)

    stats = daily_stats(day, sessions_frame, CURRENCIES, ZONES, value_limit)

    expected = reference.daily_stats(events, CURRENCIES, ZONES, value_limit, timeout_s)
    assert figures_of(stats) == {
        key: {name: row[name] for name in MEASURES} for key, row in expected.items()
    }


@SLOW
@given(days_of_events(), st.randoms(use_true_random=False), st.data())
def test_row_order_and_duplicates_change_nothing(
    events: list[Row], chance: Any, data: st.DataObject
) -> None:
    with_id = [event for event in events if event["event_id"] is not None]
    copies = data.draw(
        st.lists(st.sampled_from(with_id), max_size=5) if with_id else st.just([])
    )
    # A retry that arrives later may differ in everything except its id.
    later = [
        copy | {"at": copy["at"] + 7, "path": "/retry", "visitor": 2} for copy in copies
    ]
    shuffled = [*events, *copies, *later]
    chance.shuffle(shuffled)

    before, after = build_day(events, 2), build_day(shuffled, 2)

    assert after[0].equals(before[0])
    assert after[1].equals(before[1])


@SLOW
@given(days_of_events(), st.integers(0, 24))
def test_late_arrival_changes_nothing(events: list[Row], late: int) -> None:
    """Events appended after a build come last in the table, out of order."""
    stored = frame(events[late:]).sort("visitor", "at", "seq", "event_id")
    appended = pl.concat([stored, frame(events[:late])])

    for before, after in zip(build_day(events), build_day(appended), strict=True):
        assert after.equals(before)


@SLOW
@given(days_of_events(), LIMITS)
def test_figures_add_up(events: list[Row], value_limit: int) -> None:
    sessions_frame, stats = build_day(events, value_limit)
    total = sums(stats, "total")

    for dimension in BY_SESSION:
        assert sums(stats, dimension, but=["visitors"]) == without(total, ["visitors"])
    touched = ["visitors", "sessions", "duration_s", "conversions"]
    assert sums(stats, "hour", but=["visitors"]) == without(total, ["visitors"])
    assert sums(stats, "page", but=touched) == without(total, touched)
    # Engagement events are in no row by name, and some bounces have no counted event.
    named = [*touched, "bounces", "engaged_ms"]
    assert sums(stats, "event", but=named) == without(total, named)
    normal = sessions_frame.filter(~pl.col("suspect"))
    assert sum(row["sessions"] for row in total.values()) == normal.height


def sums(
    stats: pl.DataFrame, dimension: str, but: Sequence[str] = ()
) -> dict[tuple[Any, ...], Row]:
    """Return the sums over a dimension by site and currency, without zero sums."""
    summed = (
        stats.filter(dimension=dimension)
        .group_by("site", "currency")
        .agg(pl.col(MEASURES).sum())
    )
    rows = {(row.pop("site"), row.pop("currency")): row for row in summed.to_dicts()}
    return without(rows, but)


def without(
    rows: dict[tuple[Any, ...], Row], but: Sequence[str]
) -> dict[tuple[Any, ...], Row]:
    """Return rows without the measures *but*, and without rows that are then zero."""
    reduced = {
        key: {name: value for name, value in row.items() if name not in but}
        for key, row in rows.items()
    }
    return {key: row for key, row in reduced.items() if any(row.values())}


@SLOW
@given(days_of_events(), LIMITS)
def test_visitors_are_at_most_sessions_are_at_most_events(
    events: list[Row], value_limit: int
) -> None:
    _, stats = build_day(events, value_limit)

    own = stats.filter(pl.col("currency") == pl.col("site").replace_strict(CURRENCIES))
    assert (own["visitors"] <= own["sessions"]).all()
    assert (own["sessions"] <= own["events"]).all()
    assert (own["bounces"] <= own["sessions"]).all()
    assert (own["conversions"] <= own["sessions"]).all()
    paged = own.filter(dimension="page")
    assert (paged["sessions"] <= paged["pageviews"]).all()


@SLOW
@given(days_of_events())
def test_server_events_change_no_session_bounds(events: list[Row]) -> None:
    without_orders = [
        event | ({"event_id": None} if event["server"] else {})
        for event in events
        if event["name"] != "order_placed"
    ]
    with_server, _ = build_day(without_orders)
    alone, _ = build_day([event for event in without_orders if not event["server"]])

    counted = ("events", "pageviews", "engaged_ms", "product_views", "cart_updates")
    unaffected = pl.all().exclude(*counted, "checkouts", "suspect")
    assert with_server.select(unaffected).equals(alone.select(unaffected))


@SLOW
@given(days_of_events())
def test_keys_are_unique(events: list[Row]) -> None:
    sessions_frame, stats = build_day(events, 2)

    assert not sessions_frame.select(SESSIONS.key).is_duplicated().any()
    assert not stats.select(DAILY_STATS.key).is_duplicated().any()


@SLOW
@given(days_of_events())
def test_sites_do_not_affect_each_other(events: list[Row]) -> None:
    whole = build_day(events)
    for site in CURRENCIES:
        alone = build_day([event for event in events if event["site"] == site])
        for table, part in zip(whole, alone, strict=True):
            assert table.filter(site=site).equals(part)
