"""An import of history has salts of its own that last exactly as long as it does."""

import os
from datetime import date
from pathlib import Path

import pytest

from batcher.salts.destruction import DestroyedSalt
from batcher.salts.directory import DirectorySalts
from batcher.salts.history import (
    ABANDONED_S,
    ImportRunningError,
    ImportSalts,
    destroy_abandoned,
    import_directory,
)
from batcher.salts.secret_bytes import fill_random
from tests.batcher.salts.salt_cases import DAY, ZONE, counted

LONG_AGO = date(2015, 5, 17)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "salts-import"


def test_any_past_date_has_a_key(place: Path) -> None:
    salts = ImportSalts(place, fill_random)

    keys = {
        bytes(salts.key(zone, day, site))
        for zone in (ZONE, "UTC")
        for day in (LONG_AGO, DAY)
        for site in ("shop", "blog")
    }
    salts.close()

    assert len(keys) == 8


def test_a_resumed_import_knows_its_visitors_again(place: Path) -> None:
    first = ImportSalts(place, fill_random)
    before = bytes(first.key(ZONE, LONG_AGO, "shop"))
    first.close()

    second = ImportSalts(place, fill_random)
    after = bytes(second.key(ZONE, LONG_AGO, "shop"))
    second.close()

    assert after == before


def test_the_end_of_an_import_leaves_nothing(place: Path) -> None:
    salts = ImportSalts(place, counted())
    key = salts.key(ZONE, LONG_AGO, "shop")
    salts.key("UTC", LONG_AGO, "shop")

    got = salts.destroy()

    assert got == [
        DestroyedSalt(zone=ZONE, day=LONG_AGO, marker="01" * 8),
        DestroyedSalt(zone="UTC", day=LONG_AGO, marker="02" * 8),
    ]
    assert not place.exists()
    assert bytes(key) == bytes(32)


def test_the_next_import_has_other_keys(place: Path) -> None:
    keys = set()
    for _ in range(2):
        salts = ImportSalts(place, fill_random)
        keys.add(bytes(salts.key(ZONE, LONG_AGO, "shop")))
        salts.destroy()

    assert len(keys) == 2


def test_one_import_runs_at_a_time(place: Path) -> None:
    running = ImportSalts(place, fill_random)

    with pytest.raises(ImportRunningError):
        ImportSalts(place, fill_random)

    running.close()
    ImportSalts(place, fill_random).close()


@pytest.mark.parametrize(
    ("since_s", "left"),
    [
        pytest.param(ABANDONED_S - 1, 1, id="it may go on"),
        pytest.param(ABANDONED_S, 0, id="it will not"),
    ],
)
def test_an_abandoned_import_is_ended(place: Path, since_s: int, left: int) -> None:
    salts = ImportSalts(place, fill_random)
    salts.key(ZONE, LONG_AGO, "shop")
    salts.close()
    os.utime(place, (1_000_000, 1_000_000))

    got = destroy_abandoned(place, 1_000_000 + since_s)

    assert len(got) == 1 - left
    assert place.exists() == bool(left)


def test_a_running_import_is_never_ended(place: Path) -> None:
    salts = ImportSalts(place, fill_random)
    salts.key(ZONE, LONG_AGO, "shop")
    os.utime(place, (1_000_000, 1_000_000))

    got = destroy_abandoned(place, 1_000_000 + 10 * ABANDONED_S)

    assert got == []
    assert len(DirectorySalts(place).live()) == 1
    salts.close()


def test_without_an_import_there_is_nothing_to_end(place: Path) -> None:
    assert destroy_abandoned(place, 1_000_000) == []
    assert not place.exists()


def test_imports_keep_apart_from_the_live_dates(tmp_path: Path) -> None:
    got = import_directory(tmp_path / "spool")

    assert got.name.endswith("-import")


def test_the_repr_tells_nothing(place: Path) -> None:
    salts = ImportSalts(place, fill_random)
    salts.key(ZONE, LONG_AGO, "shop")

    assert repr(salts) == "ImportSalts(1 held)"

    salts.destroy()
