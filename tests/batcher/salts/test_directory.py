"""A directory store gives each (zone, date) one secret salt, and destroys it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from batcher.salts.directory import DirectorySalts, SaltDirectoryError
from batcher.salts.secret_bytes import RandomnessError, fill_random
from batcher.salts.store import (
    STORED_BYTES,
    SaltDamagedError,
    SaltEndedError,
    commitment,
)
from tests.batcher.salts.salt_cases import (
    DAY,
    DAY_AFTER,
    DAY_BEFORE,
    ZONE,
    counting_randomness,
    salt_of,
)


@pytest.fixture
def store(tmp_path: Path) -> DirectorySalts:
    return DirectorySalts(tmp_path / "salts")


def salt_file(store: DirectorySalts) -> Path:
    (file,) = store.directory.glob("*.salt")
    return file


def test_the_salt_of_a_date_is_created_once(store: DirectorySalts) -> None:
    random = counting_randomness()

    got = [store.get_or_create(ZONE, DAY, random) for _ in range(3)]

    assert got == [salt_of(1)] * 3


def test_each_date_and_zone_has_its_own_salt(store: DirectorySalts) -> None:
    random = counting_randomness()

    got = [
        bytes(store.get_or_create(zone, day, random))
        for zone in (ZONE, "UTC", "Etc/UTC")
        for day in (DAY, DAY_AFTER)
    ]

    assert len(set(got)) == 6


def test_a_date_without_a_salt_gives_none(store: DirectorySalts) -> None:
    assert store.get(ZONE, DAY) is None
    assert store.marker(ZONE, DAY) is None


def test_another_process_finds_the_same_salt(store: DirectorySalts) -> None:
    created = store.get_or_create(ZONE, DAY, fill_random)

    got = DirectorySalts(store.directory).get_or_create(ZONE, DAY, fill_random)

    assert got == created


def test_live_salts_are_listed_without_their_secret(store: DirectorySalts) -> None:
    random = counting_randomness()
    for zone, day in ((ZONE, DAY_AFTER), ("UTC", DAY), (ZONE, DAY)):
        store.get_or_create(zone, day, random)

    got = [(mark.zone, mark.day, mark.marker) for mark in store.live()]

    assert got == [
        (ZONE, DAY, "03" * 8),
        (ZONE, DAY_AFTER, "01" * 8),
        ("UTC", DAY, "02" * 8),
    ]


def test_a_listed_salt_has_a_commitment_to_its_secret(store: DirectorySalts) -> None:
    salt = store.get_or_create(ZONE, DAY, fill_random)

    (mark,) = store.live()

    assert mark.commitment == commitment(salt).hex()
    assert salt[8:].hex() not in repr(mark)


def test_only_the_owner_can_read_the_files(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, DAY, fill_random)

    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert salt_file(store).stat().st_mode & 0o777 == 0o600


def test_file_names_contain_only_zone_and_date(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, DAY, fill_random)

    assert [file.name for file in store.directory.iterdir()] == [
        "Europe%2FBerlin@2026-11-22.salt"
    ]


def test_a_destroyed_salt_is_not_created_again(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    store.destroy(ZONE, DAY)

    assert store.get(ZONE, DAY) is None
    assert store.live() == []
    for day in (DAY, DAY_BEFORE):
        with pytest.raises(SaltEndedError):
            store.get_or_create(ZONE, day, fill_random)


def test_a_destruction_does_not_affect_other_dates_and_zones(
    store: DirectorySalts,
) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    store.destroy(ZONE, DAY_BEFORE)

    assert store.get_or_create(ZONE, DAY, fill_random)
    assert store.get_or_create(ZONE, DAY_AFTER, fill_random)
    assert store.get_or_create("UTC", DAY_BEFORE, fill_random)


def test_destroying_an_older_date_does_not_reopen_a_newer_one(
    store: DirectorySalts,
) -> None:
    store.destroy(ZONE, DAY)
    store.destroy(ZONE, DAY_BEFORE)

    with pytest.raises(SaltEndedError):
        store.get_or_create(ZONE, DAY, fill_random)


def test_destruction_overwrites_the_bytes_in_place(
    store: DirectorySalts, tmp_path: Path
) -> None:
    salt = store.get_or_create(ZONE, DAY, fill_random)
    # A second link to the same file shows the content of the raw disk.
    disk = tmp_path / "disk"
    os.link(salt_file(store), disk)

    store.destroy(ZONE, DAY)

    assert salt not in disk.read_bytes()
    assert disk.read_bytes() == bytes(STORED_BYTES)


def test_a_temporary_file_of_a_crash_is_destroyed_with_its_salt(
    store: DirectorySalts,
) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    draft = salt_file(store).with_name(f".{salt_file(store).name}.8m2x0q4t")
    draft.write_bytes(salt_file(store).read_bytes())

    assert len(store.live()) == 1

    store.destroy(ZONE, DAY)

    assert not draft.exists()


def test_an_interrupted_destruction_is_finished_by_the_next(
    store: DirectorySalts,
) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    salt_file(store).write_bytes(bytes(STORED_BYTES))
    (mark,) = store.live()

    store.destroy(mark.zone, mark.day)

    assert store.live() == []


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda stored: stored[:40], id="salt without commitment"),
        pytest.param(lambda stored: stored[:-1], id="one byte too short"),
        pytest.param(lambda stored: stored + b"x", id="one byte too long"),
        pytest.param(lambda stored: bytes(len(stored)), id="all zeros"),
        pytest.param(
            lambda stored: stored[:8] + bytes(32) + stored[40:], id="a secret of zeros"
        ),
        pytest.param(
            lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]), id="one bit flipped"
        ),
    ],
)
def test_a_damaged_salt_is_refused_and_not_replaced(
    store: DirectorySalts, damage: Callable[[bytes], bytes]
) -> None:
    secret = store.get_or_create(ZONE, DAY, fill_random)[8:]
    file = salt_file(store)
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(SaltDamagedError):
        store.get(ZONE, DAY)
    with pytest.raises(
        SaltDamagedError, match=r"@2026-11-22.salt is damaged"
    ) as caught:
        store.get_or_create(ZONE, DAY, fill_random)

    assert secret.hex() not in str(caught.value)
    assert repr(bytes(secret)) not in repr(caught.value)
    assert store.live()[0].day == DAY


def test_randomness_that_gives_zeros_makes_no_salt(store: DirectorySalts) -> None:
    with pytest.raises(RandomnessError):
        store.get_or_create(ZONE, DAY, lambda _: None)

    assert store.live() == []


def test_a_removed_directory_is_created_again(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, DAY, fill_random)
    salt_file(store).unlink()
    store.directory.rmdir()

    assert store.get(ZONE, DAY) is None
    assert store.get_or_create(ZONE, DAY, fill_random)


def test_a_directory_open_to_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "salts").mkdir(mode=0o755)

    with pytest.raises(SaltDirectoryError, match="other users may enter it"):
        DirectorySalts(tmp_path / "salts")


def test_a_link_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "salts").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(SaltDirectoryError):
        DirectorySalts(tmp_path / "salts")


def test_unknown_files_are_left_unchanged(store: DirectorySalts) -> None:
    unknown = {"@.salt", "README", "UTC@soon.salt"}
    for name in unknown:
        (store.directory / name).write_text("not a salt")
    store.get_or_create(ZONE, DAY, fill_random)

    assert len(store.live()) == 1

    store.destroy(ZONE, DAY)

    remaining = {file.name for file in store.directory.iterdir()}
    assert remaining == unknown | {"Europe%2FBerlin.ended"}


def test_removing_the_store_leaves_nothing(store: DirectorySalts) -> None:
    for day in (DAY_BEFORE, DAY, DAY_AFTER):
        store.get_or_create(ZONE, day, fill_random)
    store.destroy(ZONE, DAY_BEFORE)

    store.remove()

    assert not store.directory.exists()


def test_the_repr_contains_no_secret(store: DirectorySalts) -> None:
    salt = store.get_or_create(ZONE, DAY, fill_random)

    assert salt.hex()[:16] not in repr(store)
