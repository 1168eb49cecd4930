"""No order is filed on a day that the tables no longer keep, or that is to come."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from config.settings import Settings
from proxy.history.orders.summary import notes
from proxy.history.orders.tally import Unfiled
from tests.proxy.history.orders.order_imports import (
    HEAD,
    TODAY,
    figures,
    live,
    rows_of,
    run,
    store_live,
    write_list,
)
from tests.warehouse.believed import believed_on
from warehouse.lifecycle.retention import retain
from warehouse.schema import DAILY_STATS
from warehouse.tables import Warehouse


def kept(settings: Settings, days: int) -> Settings:
    """Return *settings* that keep events for *days*."""
    return replace(
        settings, warehouse=replace(settings.warehouse, keep_events_days=days)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-10-24", None, id="the first day that is kept"),
        pytest.param("2026-10-23", Unfiled.TOO_OLD, id="a day earlier"),
        pytest.param("1997-11-22", Unfiled.TOO_OLD, id="1997"),
        pytest.param("2026-11-24", Unfiled.FUTURE, id="tomorrow"),
        pytest.param("2026-11-23 12:01", Unfiled.FUTURE, id="in a minute"),
        pytest.param("", Unfiled.NO_DATE, id="no date"),
    ],
)
def test_only_days_that_are_kept_get_orders(
    settings: Settings, text: str, expected: str | None
) -> None:
    file = write_list(settings, f"{HEAD}7,5.00,,{text},,\n")

    outcome = run(kept(settings, 30), file)

    assert outcome.tally.unfiled == ({expected: 1} if expected else {})
    assert (figures(settings) == {}) is (expected is not None)
    [*found] = notes(outcome.tally, outcome.keep, 30)
    is_old = expected is Unfiled.TOO_OLD
    assert any("before 2026-10-24" in note for note in found) is is_old


def test_nothing_before_the_first_day_of_reports_is_filed(settings: Settings) -> None:
    file = write_list(settings, f"{HEAD}7,5.00,,1969-12-31,,\n")

    outcome = run(kept(settings, 0), file)

    assert outcome.tally.unfiled == {Unfiled.TOO_OLD: 1}


def test_a_day_whose_events_were_removed_keeps_its_figures(settings: Settings) -> None:
    # With the events gone, a build would count the day's imported order alone.
    long_ago = TODAY - timedelta(days=40)
    file = write_list(settings, f"{HEAD}7,5.00,,{long_ago},,\n")
    store_live(settings, [live("1", long_ago), live("2", TODAY - timedelta(days=1))])
    retain(
        Warehouse(Path(settings.warehouse.uri)),
        kept(settings, 30).warehouse,
        believed_on(TODAY),
    )
    before = rows_of(settings, DAILY_STATS)

    outcome = run(kept(settings, 0), file)

    assert outcome.tally.unfiled == {Unfiled.CLOSED_DAY: 1}
    assert date.fromisoformat("2026-10-14") in {*before["day"]}
    stats = rows_of(settings, DAILY_STATS)
    assert stats.filter(day=long_ago).equals(before.filter(day=long_ago))
