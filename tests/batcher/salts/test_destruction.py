"""A salt is destroyed half an hour after its date ends in its zone, not before."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from batcher.salts.destruction import DestroyedSalt, destroy_due, is_due
from batcher.salts.directory import DirectorySalts
from batcher.salts.secret_bytes import fill_random
from batcher.salts.store import SaltStoreError
from tests.batcher.salts.salt_cases import (
    DAY,
    DAY_AFTER,
    DAY_BEFORE,
    ZONE,
    at,
    counting_randomness,
)

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
        pytest.param(
            "Pacific/Honolulu",
            DAY,
            DUE,
            False,
            id="a zone where the date has not ended",
        ),
        pytest.param(
            "Asia/Tokyo", DAY, DUE, True, id="a zone where the date ended long ago"
        ),
        pytest.param(
            ZONE, date(2026, 10, 25), at("2026-10-26T00:29"), False, id="25-hour date"
        ),
        pytest.param(
            ZONE, date(2026, 3, 29), at("2026-03-30T00:30"), True, id="23-hour date"
        ),
        pytest.param(
            ZONE,
            DAY + timedelta(days=2),
            at("2026-11-22T12:00"),
            False,
            id="a future date",
        ),
        pytest.param(
            ZONE,
            DAY + timedelta(days=3),
            at("2026-11-22T12:00"),
            True,
            id="created by a clock that was ahead",
        ),
        pytest.param(
            "Mars/Olympus", DAY, DUE, False, id="unknown zone, date not over everywhere"
        ),
        pytest.param(
            "Mars/Olympus",
            DAY,
            DUE + 86_400,
            True,
            id="unknown zone, date over everywhere",
        ),
    ],
)
def test_a_salt_is_due_after_its_date_and_grace_period_in_its_zone(
    zone: str, day: date, now_s: int, *, due: bool
) -> None:
    assert is_due(zone, day, now_s) == due


def test_only_due_salts_are_destroyed_and_returned(store: DirectorySalts) -> None:
    random = counting_randomness()
    for zone, day in (
        (ZONE, DAY),
        (ZONE, DAY_AFTER),
        ("Asia/Tokyo", DAY_BEFORE),
        ("Pacific/Honolulu", DAY),
    ):
        store.get_or_create(zone, day, random)

    got, _ = destroy_due(store, DUE)

    assert got == [
        DestroyedSalt(zone="Asia/Tokyo", day=DAY_BEFORE, marker="03" * 8),
        DestroyedSalt(zone=ZONE, day=DAY, marker="01" * 8),
    ]
    remaining = [(mark.zone, mark.day) for mark in store.live()]
    assert remaining == [(ZONE, DAY_AFTER), ("Pacific/Honolulu", DAY)]


def test_a_second_run_destroys_nothing(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    destroy_due(store, DUE)

    assert destroy_due(store, DUE) == ([], [])


def test_a_damaged_salt_is_destroyed(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    (file,) = store.directory.glob("*.salt")
    file.write_bytes(b"short")

    got = destroy_due(store, DUE)

    assert got == ([DestroyedSalt(zone=ZONE, day=DAY, marker="")], [])
    assert store.live() == []


def test_a_salt_that_cannot_be_destroyed_does_not_stop_the_others(
    store: DirectorySalts,
) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    # A directory cannot be overwritten or unlinked.
    (store.directory / "Asia%2FTokyo@2026-11-20.salt").mkdir()

    destroyed, [problem] = destroy_due(store, DUE)

    assert isinstance(problem, SaltStoreError)
    assert [salt.zone for salt in destroyed] == [ZONE]
    assert [mark.zone for mark in store.live()] == ["Asia/Tokyo"]
