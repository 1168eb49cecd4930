"""A salt goes half an hour after its date has ended in its zone, and not before."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from batcher.salts.destruction import DestroyedSalt, destroy_due, is_due
from batcher.salts.directory import DirectorySalts
from batcher.salts.secret_bytes import fill_random
from batcher.salts.store import SaltStoreError
from tests.batcher.salts.salt_cases import DAY, DAY_AFTER, DAY_BEFORE, ZONE, at, counted

DUE = at("2026-11-23T00:30")


@pytest.fixture
def store(tmp_path: Path) -> DirectorySalts:
    return DirectorySalts(tmp_path / "salts")


@pytest.mark.parametrize(
    ("zone", "day", "now_s", "due"),
    [
        pytest.param(ZONE, DAY, at("2026-11-22T12:00"), False, id="during the date"),
        pytest.param(ZONE, DAY, DUE - 1, False, id="a second early"),
        pytest.param(ZONE, DAY, DUE, True, id="on time"),
        pytest.param(ZONE, DAY, DUE + 86_400, True, id="a day late"),
        pytest.param("Pacific/Honolulu", DAY, DUE, False, id="still noon elsewhere"),
        pytest.param("Asia/Tokyo", DAY, DUE, True, id="long over elsewhere"),
        pytest.param(
            ZONE, date(2026, 10, 25), at("2026-10-26T00:29"), False, id="25-hour date"
        ),
        pytest.param(
            ZONE, date(2026, 3, 29), at("2026-03-30T00:30"), True, id="23-hour date"
        ),
        pytest.param(
            ZONE, DAY + timedelta(days=2), at("2026-11-22T12:00"), False, id="ahead"
        ),
        pytest.param(
            ZONE,
            DAY + timedelta(days=3),
            at("2026-11-22T12:00"),
            True,
            id="made by a clock that ran ahead",
        ),
        pytest.param(
            "Mars/Olympus", DAY, DUE, False, id="unknown zone, not over everywhere"
        ),
        pytest.param(
            "Mars/Olympus", DAY, DUE + 86_400, True, id="unknown zone, over everywhere"
        ),
    ],
)
def test_a_salt_is_due_when_date_and_grace_are_over_in_its_zone(
    zone: str, day: date, now_s: int, *, due: bool
) -> None:
    assert is_due(zone, day, now_s) == due


def test_only_what_is_due_is_destroyed_and_named(store: DirectorySalts) -> None:
    random = counted()
    for zone, day in (
        (ZONE, DAY),
        (ZONE, DAY_AFTER),
        ("Asia/Tokyo", DAY_BEFORE),
        ("Pacific/Honolulu", DAY),
    ):
        store.get_or_create(zone, day, random)

    got = destroy_due(store, DUE)

    assert got == [
        DestroyedSalt(zone="Asia/Tokyo", day=DAY_BEFORE, marker="03" * 8),
        DestroyedSalt(zone=ZONE, day=DAY, marker="01" * 8),
    ]
    left = [(mark.zone, mark.day) for mark in store.live()]
    assert left == [(ZONE, DAY_AFTER), ("Pacific/Honolulu", DAY)]


def test_a_second_run_finds_nothing_left(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    destroy_due(store, DUE)

    assert destroy_due(store, DUE) == []


def test_a_damaged_salt_is_destroyed_like_any_other(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    (file,) = store.directory.glob("*.salt")
    file.write_bytes(b"short")

    got = destroy_due(store, DUE)

    assert got == [DestroyedSalt(zone=ZONE, day=DAY, marker="")]
    assert store.live() == []


def test_one_that_cannot_be_destroyed_does_not_save_the_others(
    store: DirectorySalts,
) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    # Not a file: it can be neither overwritten nor unlinked.
    (store.directory / "Asia%2FTokyo@2026-11-20.salt").mkdir()

    with pytest.raises(SaltStoreError):
        destroy_due(store, DUE)

    assert [mark.zone for mark in store.live()] == ["Asia/Tokyo"]
