"""The jobs of the batcher work on real files; its process starts, fails and stops."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from batcher.run import Batcher
from batcher.salts.directory import DirectorySalts
from batcher.salts.history import ImportSalts, import_directory
from batcher.salts.secret_bytes import fill_random
from batcher.spool.spool import Spool
from config.errors import MillpondError
from config.settings import JobsSettings, Settings
from tests.batcher.load.spooled_events import spool_events, stored_events
from tests.batcher.salts.salt_cases import at
from tests.processes import Installation, Role, install
from tests.waiting import wait_until
from tests.warehouse.event_rows import DAY, event
from warehouse.clock import believed_clock
from warehouse.delta.vacuum import WRITERS_LOCK
from warehouse.job_states import JobState, job_state_path, read_job_states
from warehouse.lifecycle import ledger
from warehouse.locks import locked
from warehouse.schema import DAILY_STATS, EVENTS, LEDGER, SESSIONS
from warehouse.tables import Warehouse

NOON = float(at("2026-11-22T12:00"))
DUE = float(at("2026-11-23T00:30"))
ZONE = "Europe/Berlin"


class Clocks:
    """A wall clock that can jump, and a steady clock that cannot."""

    def __init__(self) -> None:
        self.steady_s = 500.0
        self.jump_s = 0.0

    def both(self) -> believed_clock.Clocks:
        """Return both clocks; no time service synchronises them."""
        return believed_clock.Clocks(wall=self.wall, steady=self.steady)

    def wall(self) -> float:
        """Return the time of the wall clock."""
        return NOON - 500.0 + self.steady_s + self.jump_s

    def steady(self) -> float:
        """Return the seconds since the machine started."""
        return self.steady_s


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def batcher(settings: Settings, clocks: Clocks) -> Batcher:
    return Batcher(settings, clocks.both())


@pytest.fixture
def spool(settings: Settings) -> Spool:
    return Spool(Path(settings.spool.dir))


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return Warehouse(Path(settings.warehouse.uri))


@pytest.fixture
def salts(settings: Settings) -> DirectorySalts:
    return DirectorySalts(Path(settings.privacy.salt_store))


def test_every_job_has_its_interval_and_load_is_first(settings: Settings) -> None:
    intervals = JobsSettings(
        load_every_s=1,
        build_every_s=2,
        compact_every_s=3,
        destroy_salts_every_s=4,
        retain_every_s=5,
    )
    batcher = Batcher(replace(settings, jobs=intervals), Clocks().both())

    got = [(job.name, job.every_s) for job in batcher.jobs()]

    assert got == [
        ("load", 1),
        ("destroy_salts", 4),
        ("build", 2),
        ("retain", 5),
        ("compact", 3),
    ]


def test_load_and_build_turn_spooled_events_into_figures(
    batcher: Batcher, spool: Spool, warehouse: Warehouse
) -> None:
    stored = [event(path="/a"), event(path="/b")]
    spool_events(spool, stored)

    summaries = batcher.load(NOON), batcher.build(NOON)

    assert summaries == ("2 events of 1 segments", "1 days, 1 sessions")
    assert stored_events(warehouse) == stored
    assert warehouse.view(SESSIONS).rows() == 1
    assert warehouse.view(DAILY_STATS).rows() > 0


def test_the_summary_of_a_load_counts_duplicates(
    batcher: Batcher, spool: Spool
) -> None:
    spool_events(spool, [event(event_id=5), event(event_id=5)])

    assert batcher.load(NOON) == "1 events of 1 segments, 1 duplicates"


def test_compaction_leaves_one_file_per_day(
    batcher: Batcher, spool: Spool, warehouse: Warehouse
) -> None:
    for path in ("/a", "/b", "/c"):
        spool_events(spool, [event(path=path)])
        batcher.load(NOON)

    summary = batcher.compact(NOON)

    assert summary == "3 files merged"
    assert warehouse.view(EVENTS).files_per_day() == {DAY: 1}


def test_retention_removes_expired_days(
    settings: Settings, spool: Spool, warehouse: Warehouse, clocks: Clocks
) -> None:
    keep = replace(settings.warehouse, keep_events_days=7)
    batcher = Batcher(replace(settings, warehouse=keep), clocks.both())
    old = DAY - timedelta(days=8)
    spool_events(spool, [event(day=old), event()])
    batcher.load(NOON)

    summary = batcher.retain(NOON)

    assert summary == "1 days removed"
    assert warehouse.view(EVENTS).days() == [DAY]


def test_a_clock_jump_removes_no_day(
    settings: Settings, spool: Spool, warehouse: Warehouse, clocks: Clocks
) -> None:
    batcher = Batcher(settings, clocks.both())
    spool_events(spool, [event()])
    batcher.load(NOON)
    clocks.jump_s = 10 * 366 * 86_400.0

    batcher.retain(clocks.wall())

    assert warehouse.view(EVENTS).days() == [DAY]


def test_salts_of_ended_dates_are_destroyed_and_recorded(
    batcher: Batcher, salts: DirectorySalts, warehouse: Warehouse, clocks: Clocks
) -> None:
    salts.get_or_create(ZONE, DAY, fill_random)
    salts.get_or_create(ZONE, DAY + timedelta(days=1), fill_random)
    clocks.steady_s += DUE - NOON

    summary = batcher.destroy_salts(DUE)

    assert summary == "1 salts destroyed"
    assert [mark.day for mark in salts.live()] == [DAY + timedelta(days=1)]
    entries = ledger.read_entries(warehouse.view(LEDGER).read())
    kinds = [entry.kind for entry in entries]
    assert kinds == ["salt_created", "salt_created", "salt_destroyed"]


@pytest.mark.parametrize("jump_s", [86_400.0, 25 * 3_600.0, -86_400.0])
def test_a_clock_jump_destroys_no_salt(
    batcher: Batcher, salts: DirectorySalts, clocks: Clocks, jump_s: float
) -> None:
    salts.get_or_create(ZONE, DAY, fill_random)
    clocks.jump_s = jump_s
    for _ in range(10):
        clocks.steady_s += 60
        batcher.destroy_salts(clocks.wall())

    assert [mark.day for mark in salts.live()] == [DAY]


def test_a_salt_seen_for_longer_than_a_date_is_destroyed_under_any_clock(
    settings: Settings, salts: DirectorySalts, clocks: Clocks
) -> None:
    Batcher(settings, clocks.both())
    clocks.jump_s = 1_000 * 86_400.0
    later = DAY + timedelta(days=1_000)
    salts.get_or_create(ZONE, DAY + timedelta(days=1), fill_random)
    salts.get_or_create(ZONE, later, fill_random)
    batcher = Batcher(settings, clocks.both())
    for hours in (0, 26):
        clocks.steady_s += hours * 3_600.0
        said = batcher.destroy_salts(clocks.wall())
        assert said == (
            "0 salts destroyed; the rest waits, because the clock is not believed"
        )

    clocks.steady_s += 1_801
    batcher.destroy_salts(clocks.wall())

    assert salts.live() == []


def test_with_a_doubted_clock_a_salt_of_a_later_date_is_kept(
    settings: Settings, salts: DirectorySalts, clocks: Clocks
) -> None:
    Batcher(settings, clocks.both())
    clocks.jump_s = 5 * 86_400.0
    salts.get_or_create(ZONE, DAY + timedelta(days=5), fill_random)

    Batcher(settings, clocks.both()).destroy_salts(clocks.wall())

    assert len(salts.live()) == 1


def test_an_unreadable_ledger_does_not_stop_the_destruction_of_salts(
    batcher: Batcher, salts: DirectorySalts, warehouse: Warehouse, clocks: Clocks
) -> None:
    salts.get_or_create(ZONE, DAY, fill_random)
    batcher.destroy_salts(NOON)
    for file in warehouse.view(LEDGER).path.rglob("*.parquet"):
        file.write_bytes(b"damaged")
    clocks.steady_s += DUE - NOON

    with pytest.raises(MillpondError, match="ledger"):
        batcher.destroy_salts(DUE)

    assert salts.live() == []


def test_the_salts_of_an_abandoned_import_are_destroyed(
    batcher: Batcher, settings: Settings, clocks: Clocks, warehouse: Warehouse
) -> None:
    place = import_directory(Path(settings.spool.dir))
    history = ImportSalts(place, fill_random)
    history.key(ZONE, date(2015, 5, 17), "shop")
    history.close()
    clocks.steady_s += place.stat().st_mtime - NOON + 2 * 86_400

    summary = batcher.destroy_salts(clocks.wall())

    assert summary == "1 salts destroyed"
    assert not place.exists()
    (entry,) = ledger.read_entries(warehouse.view(LEDGER).read())
    assert (entry.kind, entry.subject) == ("salt_destroyed", "import")


CONFIG = """\
[privacy]
salt_store = "data/salts"

[jobs]
load_every_s = {load_every_s}
build_every_s = 1

[[sites]]
id = "shop"
domains = ["shop.example"]
timezone = "Europe/Berlin"
"""


@contextmanager
def running_batcher(
    folder: Path, load_every_s: int = 1
) -> Iterator[tuple[Installation, Role]]:
    """Run a batcher with its own spool and warehouse."""
    text = CONFIG.format(load_every_s=load_every_s)
    installation = install(folder, text=text)
    role = Role(installation, "batcher", "run")
    role.start()
    try:
        yield installation, role
    finally:
        role.kill()


def states_of(installation: Installation) -> dict[str, JobState]:
    return read_job_states(job_state_path(Path(installation.settings.spool.dir)))


def has_succeeded(installation: Installation, job: str) -> bool:
    state = states_of(installation).get(job)
    return state is not None and state.last_success_at is not None


def words(role: Role) -> list[str]:
    """Return the words of the log lines of the process."""
    return [json.loads(line)["word"] for line in role.output().splitlines()]


def spool_of(installation: Installation) -> Spool:
    return Spool(Path(installation.settings.spool.dir))


def warehouse_of(installation: Installation) -> Warehouse:
    return Warehouse(Path(installation.settings.warehouse.uri))


def test_a_batcher_loads_builds_and_stops_on_sigterm(tmp_path: Path) -> None:
    with running_batcher(tmp_path) as (installation, role):
        spool_events(spool_of(installation), [event()])
        stats = warehouse_of(installation).view(DAILY_STATS)
        wait_until(lambda: stats.refresh() and stats.rows(), "the figures")
        wait_until(lambda: has_succeeded(installation, "compact"), "all jobs once")
        code = role.stop()

    assert code == 0
    assert words(role)[0] == "batcher_started"
    assert words(role)[-1] == "batcher_stopped"
    assert not {"job_failed", "clock_not_believed"} & set(words(role))
    assert sorted(states_of(installation)) == [
        *("build", "compact", "destroy_salts", "load", "retain")
    ]


def test_the_last_sealed_segment_is_loaded_before_the_end(tmp_path: Path) -> None:
    with running_batcher(tmp_path, load_every_s=3_600) as (installation, role):
        wait_until(lambda: has_succeeded(installation, "load"), "the first load")
        spool_events(spool_of(installation), [event()])
        role.stop()

    assert stored_events(warehouse_of(installation)) == [event()]


def test_a_job_that_does_not_end_is_abandoned_and_loses_nothing(
    tmp_path: Path,
) -> None:
    with running_batcher(tmp_path) as (installation, role):
        wait_until(lambda: has_succeeded(installation, "compact"), "all jobs once")
        table = warehouse_of(installation).view(EVENTS).path
        with locked(table / WRITERS_LOCK):
            spool_events(spool_of(installation), [event()])
            plan = spool_of(installation).load_plan
            wait_until(plan.exists, "a load that waits for the table")
            code = role.stop(timeout_s=10)

    assert code == 0
    assert words(role)[-1] == "job_abandoned"
    assert len(spool_of(installation).sealed()) == 1


def test_a_failure_is_visible_and_stops_no_other_job(tmp_path: Path) -> None:
    blocking_file = tmp_path / "data" / "warehouse" / "events"
    blocking_file.parent.mkdir(parents=True)
    blocking_file.write_text("not a directory")

    with running_batcher(tmp_path) as (installation, role):
        wait_until(lambda: has_succeeded(installation, "destroy_salts"), "another job")
        wait_until(lambda: _failures(installation, "load") >= 2, "two failures")
        info = installation.run("warehouse", "info").stdout
        blocking_file.unlink()
        wait_until(lambda: has_succeeded(installation, "load"), "the job to heal")
        code = role.stop()

    assert "FAILED" in info
    assert "job_failed" in words(role)
    assert code == 0


def _failures(installation: Installation, job: str) -> int:
    state = states_of(installation).get(job)
    return 0 if state is None else state.failures


@pytest.mark.crash
def test_a_killed_batcher_does_the_missed_runs_after_a_restart(tmp_path: Path) -> None:
    with running_batcher(tmp_path, load_every_s=3_600) as (installation, role):
        wait_until(lambda: has_succeeded(installation, "load"), "the first load")
        role.kill()
        spool_events(spool_of(installation), [event()])
        path = job_state_path(Path(installation.settings.spool.dir))
        states: dict[str, Any] = json.loads(path.read_text())
        states["load"]["last_success_at"] -= 7_200
        path.write_text(json.dumps(states))
        role.start()
        events = warehouse_of(installation).view(EVENTS)
        wait_until(lambda: events.refresh() and events.rows(), "the missed load")

    assert stored_events(warehouse_of(installation)) == [event()]
