"""A salt store that was moved leaves no salt behind, wherever it was."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from batcher.salts.destruction import LONGEST_LIFE_S, DestroyedSalt
from batcher.salts.directory import DirectorySalts, default_directory
from batcher.salts.former import Presence, find_former
from batcher.salts.locations import SaltLocations
from batcher.salts.records import open_records
from batcher.salts.secret_bytes import fill_random
from config.errors import MillpondError
from tests.batcher.salts.redis_server import running_redis
from tests.batcher.salts.salt_cases import DAY, DAY_AFTER, ZONE, at
from tests.batcher.salts.salt_home import Home, salts_in
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER

NOON = at("2026-11-22T12:00")
DUE = at("2026-11-23T00:30")


def test_a_salt_in_a_former_store_is_destroyed_when_it_is_due(
    home: Home, memory: Path
) -> None:
    disk = home.folder / "salts"
    marker = home.make(disk)

    before = home.run(memory, NOON)
    left = salts_in(disk)
    destroyed = home.run(memory, DUE)

    assert (before, len(left)) == ([], 1)
    assert destroyed == [DestroyedSalt(zone=ZONE, day=DAY, marker=marker)]
    assert salts_in(disk) == []
    assert home.ends() == ["destroyed"]


def test_an_empty_former_store_is_forgotten_and_not_claimed_any_more(
    home: Home, memory: Path
) -> None:
    disk = home.folder / "salts"
    home.make(disk)
    draft = disk / ".Europe%2FBerlin@2026-11-22.salt.x"
    draft.write_bytes(b"left by a crash")
    home.run(memory, DUE)

    assert home.recorded() == [str(memory)]
    assert [path.name for path in disk.iterdir()] == ["Europe%2FBerlin.ended"]


def test_each_creation_is_recorded_with_its_store(home: Home) -> None:
    home.make(home.folder / "a")
    home.run(home.folder / "a", NOON)

    assert list(open_records(home.warehouse).values()) == [str(home.folder / "a")]


def test_a_store_moved_twice_and_back_leaves_nothing(home: Home) -> None:
    first, second = home.folder / "a", home.folder / "b"
    for store in (first, second, first):
        home.make(store)
        home.run(store, NOON)
    home.make(first, DAY_AFTER)
    home.run(first, DUE)

    assert salts_in(second) == []
    assert salts_in(first) == ["Europe%2FBerlin@2026-11-23.salt"]
    assert home.ends() == ["destroyed", "destroyed"]


def test_a_salt_of_today_in_a_former_store_lasts_its_day(home: Home) -> None:
    home.make(home.folder / "a")
    home.make(home.folder / "a", DAY_AFTER)

    home.run(home.folder / "b", DUE)

    assert salts_in(home.folder / "a") == ["Europe%2FBerlin@2026-11-23.salt"]
    assert str(home.folder / "a") in home.recorded()


def test_a_doubted_clock_destroys_no_later_date_in_a_former_store(home: Home) -> None:
    home.make(home.folder / "a")

    home.run(home.folder / "b", NOON - 30 * 86_400, in_doubt=True)
    kept = salts_in(home.folder / "a")
    home.run(home.folder / "b", NOON - 30 * 86_400)

    assert len(kept) == 1
    assert salts_in(home.folder / "a") == []


def test_a_salt_that_outlived_its_date_ends_in_a_former_store_too(home: Home) -> None:
    home.make(home.folder / "a")
    slow = partial(home.run, home.folder / "b", NOON, in_doubt=True)

    slow(steady_s=0)
    slow(steady_s=LONGEST_LIFE_S)
    kept = salts_in(home.folder / "a")
    slow(steady_s=LONGEST_LIFE_S + 1)

    assert len(kept) == 1
    assert salts_in(home.folder / "a") == []


def test_salts_in_memory_end_with_the_memory(home: Home, memory: Path) -> None:
    home.make(memory)
    home.run(memory, NOON)
    shutil.rmtree(memory)

    home.run(home.folder / "salts", NOON)

    assert home.ends() == ["gone"]
    assert home.recorded() == [str(home.folder / "salts")]


@pytest.mark.parametrize("is_mount_point", [False, True])
def test_the_salts_on_an_absent_disk_have_no_end_until_it_returns(
    home: Home, *, is_mount_point: bool, caplog: pytest.LogCaptureFixture
) -> None:
    disk = home.folder / "disk"
    home.make(disk)
    home.run(disk, NOON)
    away = disk.rename(home.folder / "away")
    if is_mount_point:
        disk.mkdir(mode=0o700)

    home.run(home.folder / "b", DUE)
    home.run(home.folder / "b", DUE + 60, steady_s=60)
    ends_while_away = home.ends()
    logged = [str(r.msg) for r in caplog.records if "salt_store_missing" in str(r.msg)]
    if is_mount_point:
        disk.rmdir()
    away.rename(disk)
    home.run(home.folder / "b", DUE + 120)

    assert ends_while_away == []
    assert logged == [f"salt_store_missing file={disk}"]
    assert home.ends() == ["destroyed"]
    assert salts_in(disk) == []


def test_a_disk_that_was_destroyed_is_forgotten_by_removing_its_record(
    home: Home,
) -> None:
    disk = home.folder / "disk"
    home.make(disk)
    home.run(disk, NOON)
    shutil.rmtree(disk)
    SaltLocations(home.spool_dir).record_path(str(disk)).unlink()

    home.run(home.folder / "b", DUE)

    assert home.ends() == ["gone"]


def test_a_store_that_cannot_be_used_is_named_and_stops_no_other(home: Home) -> None:
    for name in ("a", "b"):
        home.make(home.folder / name)
    home.run(home.folder / "b", NOON)
    (home.folder / "a").chmod(0o755)

    with pytest.raises(MillpondError, match=str(home.folder / "a")):
        home.run(home.folder / "c", DUE)

    assert len(salts_in(home.folder / "a")) == 1
    assert salts_in(home.folder / "b") == []
    assert home.ends() == ["destroyed"]

    (home.folder / "a").chmod(0o700)
    home.run(home.folder / "c", DUE)

    assert home.ends() == ["destroyed", "destroyed"]


def test_a_damaged_record_is_named_and_hides_no_other(home: Home) -> None:
    for name in ("a", "b"):
        home.make(home.folder / name)
    record = SaltLocations(home.spool_dir).record_path(str(home.folder / "a"))
    record.write_bytes(b"x")

    with pytest.raises(MillpondError, match=record.name):
        home.run(home.folder / "c", DUE)

    assert salts_in(home.folder / "b") == []


def test_the_salts_of_another_installation_are_left_to_it(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    ours, theirs = Home(tmp_path / "ours"), Home(tmp_path / "theirs")
    ours.make(shared)
    ours.run(shared, NOON)
    theirs.make(shared, DAY_AFTER)
    theirs.run(shared, NOON)

    ours.run(ours.folder / "salts", DUE + 10 * 86_400)

    assert salts_in(shared) == ["Europe%2FBerlin@2026-11-23.salt"]
    assert ours.recorded() == [str(ours.folder / "salts")]
    assert ours.ends() == ["destroyed"]


def test_the_store_of_a_removed_installation_is_emptied(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    ours, theirs = Home(tmp_path / "ours"), Home(tmp_path / "theirs")
    ours.make(shared)
    theirs.make(shared, DAY_AFTER)
    shutil.rmtree(theirs.folder)

    ours.run(ours.folder / "salts", DUE + 10 * 86_400)

    assert salts_in(shared) == []


def test_a_copy_of_an_installation_leaves_the_salts_of_the_original(
    tmp_path: Path,
) -> None:
    original = Home(tmp_path / "original")
    original.make(original.folder / "salts")
    original.run(original.folder / "salts", NOON)
    shutil.copytree(original.folder, tmp_path / "copy")
    copy = Home(tmp_path / "copy")
    original.make(original.folder / "salts", DAY_AFTER)

    copy.run(copy.folder / "salts", DUE + 10 * 86_400)

    assert salts_in(original.folder / "salts") == ["Europe%2FBerlin@2026-11-23.salt"]


def test_a_moved_installation_does_not_miss_its_former_path(tmp_path: Path) -> None:
    before = Home(tmp_path / "before")
    before.make(before.folder / "salts")
    before.run(before.folder / "salts", NOON)
    before.folder.rename(tmp_path / "after")
    after = Home(tmp_path / "after")

    destroyed = after.run(after.folder / "salts", DUE)

    assert len(destroyed) == 1
    assert after.recorded() == [str(after.folder / "salts")]
    assert after.ends() == ["destroyed"]


def test_the_default_directory_of_an_earlier_version_is_searched(home: Home) -> None:
    default = default_directory(home.spool_dir)
    # Without a record, as earlier versions made it.
    DirectorySalts(default).get_or_create(ZONE, DAY, fill_random)
    try:
        home.run(home.folder / "elsewhere", DUE)

        assert salts_in(default) == []
    finally:
        shutil.rmtree(default)


def test_a_changed_spool_does_not_hide_the_former_store(home: Home) -> None:
    home.make(home.folder / "a")
    home.run(home.folder / "a", NOON)
    home.spool = "another"

    home.run(home.folder / "b", DUE)

    assert salts_in(home.folder / "a") == []
    assert home.ends() == ["destroyed"]


def test_an_unreadable_ledger_stops_no_destruction_in_a_former_store(
    home: Home,
) -> None:
    home.make(home.folder / "a")
    home.run(home.folder / "a", NOON)
    for file in home.warehouse.view(LEDGER).path.rglob("*.parquet"):
        file.write_bytes(b"damaged")

    with pytest.raises(MillpondError, match="ledger"):
        home.run(home.folder / "b", DUE)

    assert salts_in(home.folder / "a") == []


def test_a_salt_in_a_former_redis_has_its_end_when_redis_expired_it(
    home: Home,
) -> None:
    place = "redis://cache.example:6379/3"
    entry = ledger.NewEntry(
        "salt_created",
        f"{ZONE} {DAY}",
        {"zone": ZONE, "day": DAY.isoformat(), "marker": "ab" * 8, "store": place},
    )
    ledger.append(home.warehouse, [entry], NOON)

    home.run(home.folder / "a", DUE + 299)
    before = home.ends()
    home.run(home.folder / "a", DUE + 300)

    assert (before, home.ends()) == ([], ["gone"])


def test_finding_former_stores_changes_nothing(home: Home, memory: Path) -> None:
    home.make(home.folder / "a")
    before = sorted(home.folder.rglob("*"))

    stores, problems = find_former(home.spool_dir, memory)

    assert [store.presence for store in stores] == [Presence.PRESENT]
    assert problems == []
    assert sorted(home.folder.rglob("*")) == before
    assert not memory.exists()


def test_a_directory_is_emptied_after_a_move_to_redis(
    home: Home, tmp_path: Path
) -> None:
    home.make(home.folder / "a")
    home.run(home.folder / "a", NOON)

    with running_redis(tmp_path) as url:
        home.run(url, DUE)

    assert salts_in(home.folder / "a") == []
    assert home.ends() == ["destroyed"]
