"""An import of history has its own salts, which exist as long as the import."""

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
from tests.batcher.salts.salt_cases import DAY, ZONE, counting_randomness

LONG_AGO = date(2015, 5, 17)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data" / "salts-import"


def test_every_past_date_has_a_key(directory: Path) -> None:
    salts = ImportSalts(directory, fill_random)

    keys = {
        bytes(salts.key(zone, day, site))
        for zone in (ZONE, "UTC")
        for day in (LONG_AGO, DAY)
        for site in ("shop", "blog")
    }
    salts.close()

    assert len(keys) == 8


def test_a_resumed_import_uses_the_same_keys(directory: Path) -> None:
    first = ImportSalts(directory, fill_random)
    before = bytes(first.key(ZONE, LONG_AGO, "shop"))
    first.close()

    second = ImportSalts(directory, fill_random)
    after = bytes(second.key(ZONE, LONG_AGO, "shop"))
    second.close()

    assert after == before


def test_the_end_of_an_import_destroys_all_salts(directory: Path) -> None:
    salts = ImportSalts(directory, counting_randomness())
    key = salts.key(ZONE, LONG_AGO, "shop")
    salts.key("UTC", LONG_AGO, "shop")

    got = salts.destroy()

    assert got == [
        DestroyedSalt(zone=ZONE, day=LONG_AGO, marker="01" * 8),
        DestroyedSalt(zone="UTC", day=LONG_AGO, marker="02" * 8),
    ]
    assert not directory.exists()
    assert bytes(key) == bytes(32)


def test_the_next_import_has_other_keys(directory: Path) -> None:
    keys = set()
    for _ in range(2):
        salts = ImportSalts(directory, fill_random)
        keys.add(bytes(salts.key(ZONE, LONG_AGO, "shop")))
        salts.destroy()

    assert len(keys) == 2


def test_only_one_import_runs_at_a_time(directory: Path) -> None:
    running = ImportSalts(directory, fill_random)

    with pytest.raises(ImportRunningError):
        ImportSalts(directory, fill_random)

    running.close()
    ImportSalts(directory, fill_random).close()


@pytest.mark.parametrize(
    ("since_s", "remaining"),
    [
        pytest.param(ABANDONED_S - 1, 1, id="it may still be resumed"),
        pytest.param(ABANDONED_S, 0, id="it is abandoned"),
    ],
)
def test_the_salts_of_an_abandoned_import_are_destroyed(
    directory: Path, since_s: int, remaining: int
) -> None:
    salts = ImportSalts(directory, fill_random)
    salts.key(ZONE, LONG_AGO, "shop")
    salts.close()
    os.utime(directory, (1_000_000, 1_000_000))

    got = destroy_abandoned(directory, 1_000_000 + since_s)

    assert len(got) == 1 - remaining
    assert directory.exists() == bool(remaining)


def test_the_salts_of_a_running_import_are_never_destroyed(directory: Path) -> None:
    salts = ImportSalts(directory, fill_random)
    salts.key(ZONE, LONG_AGO, "shop")
    os.utime(directory, (1_000_000, 1_000_000))

    got = destroy_abandoned(directory, 1_000_000 + 10 * ABANDONED_S)

    assert got == []
    assert len(DirectorySalts(directory).live()) == 1
    salts.close()


def test_without_an_import_nothing_is_destroyed(directory: Path) -> None:
    assert destroy_abandoned(directory, 1_000_000) == []
    assert not directory.exists()


def test_imports_have_their_own_directory(tmp_path: Path) -> None:
    got = import_directory(tmp_path / "spool")

    assert got.name.endswith("-import")


def test_the_repr_contains_no_secret(directory: Path) -> None:
    salts = ImportSalts(directory, fill_random)
    salts.key(ZONE, LONG_AGO, "shop")

    assert repr(salts) == "ImportSalts(1 held)"

    salts.destroy()
