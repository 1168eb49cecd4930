"""A changed time zone is refused, or the stored events get the days of the new one."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import millpond
from batcher.spool.spool import Spool
from config.load import load
from config.settings import Settings
from tests.batcher.load.spooled_events import spool_events
from tests.warehouse.event_rows import event
from tests.warehouse.killed import killed_at
from warehouse.lifecycle import ledger
from warehouse.schema import (
    DAILY_STATS,
    DROPS,
    EVENTS,
    LEDGER,
    Drop,
    Event,
    Hash64,
    UtcSeconds,
)
from warehouse.sites import refile
from warehouse.sites.zones import read_zones
from warehouse.stored_table import StoredTable
from warehouse.tables import Warehouse

UTC_ZONE, TOKYO = "UTC", "Asia/Tokyo"
CONFIG = """
[spool]
dir = "{root}/spool"
[warehouse]
uri = "{root}/warehouse"
keep_events_days = 0
[privacy]
key_dir = "{root}/keys"
salt_store = "{root}/salts"
[[sites]]
id = "shop"
domains = ["shop.example"]
timezone = "{zone}"
[[sites]]
id = "blog"
domains = ["blog.example"]
"""
HOURS = range(0, 48, 3)
FIRST = datetime(2026, 11, 20, tzinfo=UTC)


def configure(root: Path, zone: str) -> Settings:
    root.mkdir(exist_ok=True)
    (root / "millpond.toml").write_text(CONFIG.format(root=root, zone=zone))
    return load(root / "millpond.toml", {})


def run(root: Path, *words: str) -> int:
    return millpond.run([*words, "--config", str(root / "millpond.toml")])


def local_day(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).date()


def seen(site: str, hour: int, zone: str = UTC_ZONE, **changes: Any) -> Event:
    at = UtcSeconds(int(FIRST.timestamp()) + 3_600 * hour)
    facts = {"visitor": Hash64(hour), "event_id": Hash64(hour)} | changes
    return event(site=site, at=at, day=local_day(at, zone), **facts)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return tables with two days of events, as the days are in UTC."""
    root = tmp_path / "home"
    settings = configure(root, UTC_ZONE)
    rows = [seen(site, hour) for site in ("shop", "blog") for hour in HOURS]
    order: dict[str, Any] = {"name": "order_placed", "order_key": Hash64(7)}
    rows += [
        seen("shop", 16, event_id=Hash64(500), **order),
        # The server reports the order of 16:00 on the next day.
        seen("shop", 47, event_id=Hash64(501), server=True, visitor=None, **order),
    ]
    drop = Drop(
        site="shop", day=FIRST.date(), hour=20, reason="bot", protocol="native", count=3
    )
    spool_events(Spool(Path(settings.spool.dir)), rows, drops=[drop])
    for words in (("batcher", "drain"), ("warehouse", "build")):
        assert run(root, *words) == 0
    return root


def stored(root: Path, site: str) -> list[tuple[int, date]]:
    rows = Warehouse(root / "warehouse").view(EVENTS).read()
    own = rows.filter(pl.col("site") == site).sort("at", "server")
    return own.select(pl.col("at").dt.epoch("s"), "day").rows()


def totals(root: Path, site: str) -> list[tuple[date, int]]:
    rows = Warehouse(root / "warehouse").view(DAILY_STATS).read()
    own = rows.filter(pl.col("site") == site, pl.col("dimension") == "total")
    return own.select("day", "pageviews").sort("day").rows()


def check_refiled(root: Path) -> None:
    assert run(root, "warehouse", "build") == 0
    assert stored(root, "shop") == [
        # Both reports of the order stay together.
        (at, local_day(int(FIRST.timestamp()) + 3_600 * 16, TOKYO))
        if at == int(FIRST.timestamp()) + 3_600 * 47
        else (at, local_day(at, TOKYO))
        for at, _ in stored(root, "shop")
    ]
    assert totals(root, "shop") == [
        (date(2026, 11, 20), 5),
        (date(2026, 11, 21), 8),
        (date(2026, 11, 22), 3),
    ]
    assert totals(root, "blog") == [(date(2026, 11, 20), 8), (date(2026, 11, 21), 8)]
    drops = Warehouse(root / "warehouse").view(DROPS).read()
    assert drops.select("day", "hour", "count").rows() == [(date(2026, 11, 21), 5, 3)]
    entries = ledger.read_entries(Warehouse(root / "warehouse").view(LEDGER).read())
    details = [json.loads(each.detail) for each in entries if each.kind == refile.KIND]
    assert details == [{"from": "UTC", "to": TOKYO}]
    assert list((root / "warehouse").glob("refile-*")) == []
    assert run(root, "warehouse", "rebuild", "--diff") == 0


@pytest.mark.parametrize(
    "words",
    [
        ("config", "check"),
        ("up",),
        ("proxy", "run"),
        ("proxy", "worker", "0"),
        ("batcher", "run"),
        ("batcher", "drain"),
        ("warehouse", "build"),
        ("import", "access-log", "/dev/null", "--site", "shop"),
    ],
    ids=" ".join,
)
def test_a_changed_zone_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    configure(root, TOKYO)

    assert run(root, *words) == 2

    error = capsys.readouterr().err
    assert "sites[0].timezone" in error
    assert "'UTC'" in error
    assert "millpond warehouse site refile shop" in error


def test_the_figures_of_a_changed_zone_have_a_warning(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(root, TOKYO)

    assert run(root, "reports", "show", "--site", "shop") == 0
    assert "is not the zone of the stored days" in capsys.readouterr().out


def test_a_site_without_stored_days_may_change_its_zone(tmp_path: Path) -> None:
    root = tmp_path / "home"
    configure(root, UTC_ZONE)
    assert run(root, "batcher", "drain") == 0
    configure(root, TOKYO)

    assert run(root, "batcher", "drain") == 0
    assert run(root, "config", "check") == 0


def test_a_refiled_site_has_the_days_of_its_zone(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(root, TOKYO)

    assert run(root, "warehouse", "site", "refile", "shop", "--yes") == 0

    assert capsys.readouterr().out.endswith("refiled from UTC to Asia/Tokyo\n")
    check_refiled(root)


def test_figures_do_not_stay_on_a_day_without_events(root: Path) -> None:
    configure(root, "Pacific/Kiritimati")
    warehouse = Warehouse(root / "warehouse")
    # Only the last hours of the first day are left, and all move to the next day.
    events = warehouse.view(EVENTS).read()
    late = events.filter(pl.col("at") >= FIRST.replace(hour=15))
    late = late.filter(pl.col("site") == "shop", pl.col("day") == FIRST.date())
    warehouse.open(EVENTS).replace_days(
        [FIRST.date(), date(2026, 11, 21)], [late], now_s=0
    )

    assert run(root, "warehouse", "site", "refile", "shop", "--yes") == 0
    assert run(root, "warehouse", "build") == 0

    assert [day for day, _ in totals(root, "shop")] == [date(2026, 11, 21)]


def test_events_of_the_former_zone_in_the_spool_are_refiled(root: Path) -> None:
    settings = configure(root, TOKYO)
    assert run(root, "warehouse", "site", "refile", "shop", "--yes") == 0
    # A proxy that was not restarted yet, and one that was.
    rows = [
        seen("shop", 40, event_id=Hash64(900)),
        seen("shop", 40, TOKYO, event_id=Hash64(901)),
        seen("blog", 40, event_id=Hash64(902)),
    ]
    spool_events(Spool(Path(settings.spool.dir)), rows)

    assert run(root, "batcher", "drain") == 0

    added = Warehouse(root / "warehouse").view(EVENTS).read()
    days = added.filter(pl.col("event_id") >= 900).sort("event_id")["day"].to_list()
    assert days == [date(2026, 11, 22), date(2026, 11, 22), date(2026, 11, 21)]


def test_a_refiled_site_can_be_refiled_back(root: Path) -> None:
    before = stored(root, "shop"), totals(root, "shop")
    for zone in (TOKYO, UTC_ZONE):
        configure(root, zone)
        assert run(root, "warehouse", "site", "refile", "shop", "--yes") == 0
        assert run(root, "warehouse", "build") == 0

    assert (stored(root, "shop"), totals(root, "shop")) == before


def test_nothing_is_done_if_the_zone_is_the_same(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, "warehouse", "site", "refile", "shop", "--yes") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(root, "warehouse", "site", "refile", "other", "--yes") == 2
    assert "'shop', 'blog'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("where", "name", "nth"),
    [
        (StoredTable, "replace_days", 1),
        (StoredTable, "replace_days", 2),
        (refile, "_remove_vacated", 1),
        (ledger, "append", 1),
        (refile, "set_zone", 1),
        (refile, "remove_durable", 1),
    ],
)
def test_a_killed_refile_is_finished_and_recorded_once(
    root: Path, where: object, name: str, nth: int
) -> None:
    settings = configure(root, TOKYO)

    def move() -> None:
        warehouse = Warehouse(root / "warehouse")
        refile.refile_site(warehouse, settings, settings.sites[0], 0)

    with killed_at(where, name, nth):
        move()
    move()

    check_refiled(root)


def test_the_zone_of_a_removed_site_is_forgotten(root: Path) -> None:
    text = (root / "millpond.toml").read_text()
    blog = text[text.rindex("[[sites]]") :]
    (root / "millpond.toml").write_text(text.replace(blog, ""))

    assert run(root, "warehouse", "site", "remove", "blog", "--yes") == 0

    assert read_zones(root / "warehouse").zones == {"shop": "UTC"}


def test_a_site_can_get_a_new_name_and_a_new_zone_at_once(root: Path) -> None:
    configure(root, TOKYO)
    config = root / "millpond.toml"
    text = config.read_text().replace(
        'id = "shop"', 'id = "store"\nformerly = ["shop"]'
    )
    config.write_text(text)
    at = {at for at, _ in stored(root, "shop")}

    assert run(root, "warehouse", "site", "refile", "store", "--yes") == 0

    moved = dict(stored(root, "store"))
    assert moved.keys() == at
    assert moved[int(FIRST.timestamp()) + 3_600 * 18] == date(2026, 11, 21)
    assert stored(root, "shop") == []
    assert run(root, "warehouse", "build") == 0
    assert run(root, "warehouse", "rebuild", "--diff") == 0
