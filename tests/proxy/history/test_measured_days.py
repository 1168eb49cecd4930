"""An import leaves out the days on which the site itself reported page views."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from batcher.load.load import load
from batcher.salts.history import import_directory
from batcher.spool.lane import Lane, open_free_lane
from batcher.spool.spool import Spool
from config.settings import Settings, WarehouseSettings
from proxy.history.log_line import SkipReason
from proxy.history.options import ImportOptions
from proxy.history.store import ImportStore
from proxy.history.summary import summary
from proxy.pipeline.sites import build_sites
from tests.proxy.history.in_process_import import (
    line,
    recorded_salts,
    run,
    stored,
    write_log,
)
from tests.proxy.history.test_progress import DiedError, die_after, small
from tests.warehouse.believed import believed_on
from tests.warehouse.event_rows import event, lines
from warehouse.lifecycle.retention import retain
from warehouse.schema import DAILY_STATS, Event
from warehouse.tables import Warehouse

DAYS = (20, 21, 22)
SECOND = date(2026, 11, 21)
# Without an event of today, the clock would be doubted.
TODAY = event(day=date(2026, 11, 23), site="blog")


def day_log(folder: Path, hour: int = 10) -> Path:
    """Return a log with two page views on each of three days."""
    return write_log(
        folder / "log",
        [
            line(f"/{page}", at=f"{day}/Nov/2026:{hour:02}:00:00 +0000")
            for day in DAYS
            for page in "ab"
        ],
    )


def spool(settings: Settings, rows: Sequence[Event]) -> Lane:
    """Commit *rows* to an open segment, as a proxy does; return its lane."""
    keys = build_sites(settings, os.urandom).key_commitments()
    directory = Spool(Path(settings.spool.dir))
    lane = open_free_lane(directory, settings.spool, keys=keys)
    lane.commit(lines([*rows, TODAY]), [])
    return lane


def in_table(settings: Settings, rows: Sequence[Event]) -> None:
    spool(settings, rows).close()
    warehouse = Warehouse(Path(settings.warehouse.uri))
    load(Spool(Path(settings.spool.dir)), warehouse, settings, 0.0)


def sealed(settings: Settings, rows: Sequence[Event]) -> None:
    spool(settings, rows).close()


def in_quarantine(settings: Settings, rows: Sequence[Event]) -> None:
    sealed(settings, rows)
    directory = Spool(Path(settings.spool.dir))
    directory.quarantine.add_segment(directory.sealed()[0], {"problems": ["by hand"]})


def days_of(settings: Settings) -> list[int]:
    """Return the days of the imported page views."""
    rows = stored(settings).filter(protocol="access-log")
    return sorted({day.day for day in rows["day"]})


@pytest.mark.parametrize(
    "place", [in_table, sealed, in_quarantine], ids=lambda place: place.__name__
)
def test_a_measured_day_is_left_out(
    settings: Settings,
    tmp_path: Path,
    place: Callable[[Settings, Sequence[Event]], None],
) -> None:
    place(settings, [event(day=SECOND)] * 3)
    outcome = run(settings, day_log(tmp_path))
    shown = summary(
        outcome.tally, outcome.duplicates, "shop", outcome.files, outcome.measured
    )

    assert days_of(settings) == [20, 22]
    assert outcome.problems == []
    assert outcome.tally.skipped == {SkipReason.MEASURED: 2}
    assert "2  left out: on days that are measured already" in shown
    assert "measured already: 2026-11-21 (3 recorded); --also-measured" in shown
    # Two salts: the day that was left out has none.
    assert len(recorded_salts(settings)["salt_created"]) == 2


def test_a_day_in_an_open_segment_of_a_running_proxy_is_left_out(
    settings: Settings, tmp_path: Path
) -> None:
    with closing(spool(settings, [event(day=SECOND)])):
        run(settings, day_log(tmp_path))

        assert days_of(settings) == [20, 22]


OTHERS = {
    "another site": event(day=SECOND, site="blog"),
    "an order of the shop's server": event(
        day=SECOND, name="order_placed", server=True, path=None
    ),
    "an earlier import": event(day=SECOND, protocol="access-log", path="/old"),
}


@pytest.mark.parametrize("row", OTHERS.values(), ids=OTHERS.keys())
def test_only_page_views_that_the_site_reported_make_a_day_measured(
    settings: Settings, tmp_path: Path, row: Event
) -> None:
    in_table(settings, [row])
    outcome = run(settings, day_log(tmp_path))

    assert days_of(settings) == [20, 21, 22]
    assert outcome.tally.measured == []


def test_a_day_whose_events_are_past_their_retention_keeps_its_figures(
    settings: Settings, tmp_path: Path
) -> None:
    in_table(settings, [event(day=SECOND)] * 3)
    log = day_log(tmp_path)
    run(settings, log, options=ImportOptions(since=date(2026, 11, 22)))
    warehouse = Warehouse(Path(settings.warehouse.uri))
    keep = WarehouseSettings(keep_events_days=1, keep_sessions_days=1)
    retain(warehouse, keep, believed_on(date(2026, 11, 23)))
    before = stored(settings, DAILY_STATS).filter(day=SECOND)
    outcome = run(settings, log)

    assert stored(settings).filter(day=SECOND).is_empty()
    assert outcome.tally.measured == [SECOND]
    assert outcome.measured[SECOND] == 3
    assert not before.is_empty()
    assert stored(settings, DAILY_STATS).filter(day=SECOND).equals(before)


def test_the_glob_of_the_docs_does_not_count_today_twice(
    settings: Settings, tmp_path: Path
) -> None:
    in_table(settings, [event(day=date(2026, 11, 22), path=f"/{n}") for n in range(6)])
    today = [line(f"/{n}", at="22/Nov/2026:11:00:00 +0000") for n in range(7)]
    run(settings, write_log(tmp_path / "access.log", today))

    assert stored(settings).filter(site="shop").height == 6


def test_a_measured_day_is_imported_on_request(
    settings: Settings, tmp_path: Path
) -> None:
    in_table(settings, [event(day=SECOND)])
    run(settings, day_log(tmp_path), options=ImportOptions(also_measured=True))

    assert days_of(settings) == [20, 21, 22]


def test_days_are_those_of_the_sites_time_zone(
    settings: Settings, tmp_path: Path
) -> None:
    site = replace(settings.sites[0], timezone="Asia/Tokyo")
    settings = replace(settings, sites=(site,))
    in_table(settings, [event(day=date(2026, 11, 22))])
    # 20:00 UTC is the next morning in Tokyo.
    run(settings, day_log(tmp_path, hour=20))

    assert days_of(settings) == [21, 23]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ImportOptions(since=SECOND), [21, 22]),
        (ImportOptions(until=SECOND), [20, 21]),
        (ImportOptions(since=SECOND, until=SECOND), [21]),
    ],
    ids=["since", "until", "one day"],
)
def test_only_the_chosen_days_are_imported(
    settings: Settings, tmp_path: Path, options: ImportOptions, expected: list[int]
) -> None:
    outcome = run(settings, day_log(tmp_path), options=options)

    assert days_of(settings) == expected
    assert outcome.tally.skipped == {SkipReason.PERIOD: 2 * (3 - len(expected))}


def test_many_measured_days_are_shortened(settings: Settings, tmp_path: Path) -> None:
    in_table(settings, [event(day=date(2026, 11, day)) for day in range(1, 9)])
    log = write_log(
        tmp_path / "log",
        [line(at=f"{day:02}/Nov/2026:10:00:00 +0000") for day in range(1, 9)],
    )
    outcome = run(settings, log)
    shown = summary(outcome.tally, 0, "shop", outcome.files, outcome.measured)

    assert "2026-11-05 (1 recorded), 3 more days until 2026-11-08;" in shown
    assert "next:" not in shown


def test_a_resumed_import_leaves_the_same_days_out(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small(settings)
    in_table(settings, [event(day=SECOND)])
    rows = [
        line(f"/p/{n % 3}", at=f"{20 + n % 3}/Nov/2026:10:{n // 60 % 60:02}:00 +0000")
        for n in range(3_600)
    ]
    log = write_log(tmp_path / "log", rows)
    with monkeypatch.context() as patch:
        patch.setattr(ImportStore, "put", die_after(1, ImportStore.put))
        with pytest.raises(DiedError):
            run(settings, log)
    outcome = run(settings, log)

    assert outcome.tally.skipped == {SkipReason.MEASURED: 1_200}
    assert (outcome.tally.events, outcome.duplicates) == (2_400, 0)
    assert outcome.tally.measured == [SECOND]
    assert not import_directory(Path(settings.spool.dir)).exists()
