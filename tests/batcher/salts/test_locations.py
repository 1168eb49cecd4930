"""A directory is on record before it gets a salt, and until its salts are gone."""

import shutil
from pathlib import Path

import pytest

from batcher.salts.held import open_store, store_place
from batcher.salts.history import ABANDONED_S, ImportSalts, destroy_all_abandoned
from batcher.salts.locations import SaltKind, SaltLocations
from batcher.salts.secret_bytes import fill_random
from config.errors import MillpondError
from tests.batcher.salts.salt_cases import DAY, ZONE
from tests.batcher.salts.salt_home import Home, salts_in


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:secret@cache.example/3?protocol=3",
        "redis://:secret@cache.example:6379/3",
        "redis://cache.example/3",
    ],
)
def test_the_address_of_redis_is_recorded_without_its_password(url: str) -> None:
    assert store_place(url, Path("spool")) == "redis://cache.example:6379/3"


def test_a_former_store_of_an_import_is_destroyed_after_a_day(
    home: Home, tmp_path: Path
) -> None:
    directory = tmp_path / "elsewhere" / "salts-import"
    history = ImportSalts(directory, fill_random, SaltLocations(home.spool_dir))
    history.key(ZONE, DAY, "shop")
    history.close()
    changed_s = directory.stat().st_mtime

    kept = destroy_all_abandoned(home.spool_dir, changed_s + ABANDONED_S - 1)
    destroyed = destroy_all_abandoned(home.spool_dir, changed_s + ABANDONED_S)

    assert (len(kept), len(destroyed)) == (0, 1)
    assert not directory.exists()
    assert home.recorded() == []


def test_a_finished_import_is_forgotten(home: Home, tmp_path: Path) -> None:
    directory = tmp_path / "salts-import"
    history = ImportSalts(directory, fill_random, SaltLocations(home.spool_dir))
    history.key(ZONE, DAY, "shop")
    before = home.recorded()
    history.destroy()

    assert (before, home.recorded()) == ([str(directory)], [])


def test_a_directory_is_recorded_before_it_gets_a_salt(home: Home) -> None:
    store = open_store(str(home.folder / "a"), home.spool_dir)
    shutil.rmtree(home.spool_dir)
    # A spool that cannot be written to: no salt that nobody would find again.
    home.spool_dir.write_bytes(b"")

    with pytest.raises(MillpondError, match="record the salt store"):
        store.get_or_create(ZONE, DAY, fill_random)

    assert salts_in(home.folder / "a") == []


def test_a_record_says_what_the_directory_was(home: Home, memory: Path) -> None:
    home.make(memory)
    home.make(home.folder / "a")

    recorded, _ = SaltLocations(home.spool_dir).recorded()

    assert {(each.directory, each.kind, each.in_memory) for each in recorded} == {
        (str(memory), SaltKind.LIVE, True),
        (str(home.folder / "a"), SaltKind.LIVE, False),
    }
