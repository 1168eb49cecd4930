"""No flipped bit gives a date a second salt or restores a destroyed one."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from batcher.salts.destruction import destroy_due
from batcher.salts.directory import DirectorySalts
from batcher.salts.end_note import encode_end
from batcher.salts.history import ImportSalts
from batcher.salts.secret_bytes import fill_random
from batcher.salts.store import MARKER_BYTES, SaltDamagedError, SaltEndedError
from tests.batcher.salts.salt_cases import DAY, DAY_AFTER, DAY_BEFORE, ZONE, at
from tests.bit_flips import flips

# The time when the salt of DAY is destroyed and its note is written.
NOTED_S = at("2026-11-23T00:30")


@pytest.fixture
def store(tmp_path: Path) -> DirectorySalts:
    return DirectorySalts(tmp_path / "salts")


def write_note(store: DirectorySalts, content: bytes) -> Path:
    """Write *content* as the note of the last ended date, with its time."""
    path = store.directory / "Europe%2FBerlin.ended"
    path.write_bytes(content)
    os.utime(path, (NOTED_S, NOTED_S))
    return path


def ended_days(store: DirectorySalts) -> list[date]:
    """Return the dates that get no salt."""
    days = [DAY - timedelta(days=400), DAY_BEFORE, DAY, DAY_AFTER]
    ended = []
    for day in days:
        try:
            store.get_or_create(ZONE, day, fill_random)
        except SaltEndedError:
            ended.append(day)
    return ended


def split_flips(flipped: Iterator[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the flips in the marker of a salt, and all others."""
    all_flips = list(flipped)
    return all_flips[: 8 * MARKER_BYTES], all_flips[8 * MARKER_BYTES :]


def test_a_flip_in_a_salt_is_refused_or_changes_no_visitor(
    store: DirectorySalts,
) -> None:
    salt = store.get_or_create(ZONE, DAY, fill_random)
    (file,) = store.directory.glob("*.salt")
    in_marker, in_rest = split_flips(flips(file.read_bytes()))
    for flipped in in_marker:
        file.write_bytes(flipped)
        got = store.get_or_create(ZONE, DAY, fill_random)

        # The marker is public and not used in any hash.
        assert got[MARKER_BYTES:] == salt[MARKER_BYTES:]
    for flipped in in_rest:
        file.write_bytes(flipped)

        with pytest.raises(SaltDamagedError, match=file.name):
            store.get_or_create(ZONE, DAY, fill_random)


def test_a_flip_in_the_note_restores_no_date(
    store: DirectorySalts, caplog: pytest.LogCaptureFixture
) -> None:
    store.destroy(ZONE, DAY)
    intact = (store.directory / "Europe%2FBerlin.ended").read_bytes()
    write_note(store, intact)
    before = ended_days(store)
    count = 0
    for flipped in flips(intact):
        write_note(store, flipped)
        count += 1

        assert ended_days(store) == before
    messages = [record for record in caplog.messages if "salt_note_damaged" in record]

    assert before == [DAY - timedelta(days=400), DAY_BEFORE, DAY]
    assert len(messages) >= count


@pytest.mark.parametrize("content", [b"", b"?", b"2026-11-2", bytes(19), b"x" * 900])
def test_an_invalid_note_counts_by_its_file_time(
    store: DirectorySalts, content: bytes
) -> None:
    write_note(store, content)

    assert ended_days(store)[-1] == DAY


def test_the_next_destruction_replaces_a_damaged_note(
    store: DirectorySalts,
) -> None:
    path = write_note(store, b"?")
    store.destroy(ZONE, DAY_BEFORE)

    assert path.read_bytes() == encode_end(DAY)


def test_a_note_of_an_earlier_version_is_read(store: DirectorySalts) -> None:
    write_note(store, DAY_BEFORE.isoformat().encode())
    before = ended_days(store)
    path = write_note(store, DAY_BEFORE.isoformat().encode())
    store.destroy(ZONE, DAY)

    assert before[-1] == DAY_BEFORE
    assert path.read_bytes() == encode_end(DAY)


def test_a_note_of_a_date_that_was_not_over_counts_as_damaged(
    store: DirectorySalts,
) -> None:
    write_note(store, b"2036-11-22")

    assert ended_days(store)[-1] == DAY


def test_a_salt_created_by_a_clock_ahead_ends_no_date(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, date(2029, 1, 1), fill_random)
    destroyed, _ = destroy_due(store, NOTED_S)

    assert [salt.day for salt in destroyed] == [date(2029, 1, 1)]
    assert store.live() == []
    assert ended_days(store) == []


def test_a_flip_in_a_salt_of_an_import_is_refused_or_changes_no_visitor(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "import"
    first = ImportSalts(folder, fill_random)
    key = bytes(first.key(ZONE, DAY, "shop"))
    first.close()
    (file,) = folder.glob("*.salt")
    in_marker, in_rest = split_flips(flips(file.read_bytes()))
    for flipped in in_marker:
        file.write_bytes(flipped)
        with closing(ImportSalts(folder, fill_random)) as resumed:
            assert resumed.key(ZONE, DAY, "shop") == key
    for flipped in in_rest:
        file.write_bytes(flipped)
        with (
            closing(ImportSalts(folder, fill_random)) as resumed,
            pytest.raises(SaltDamagedError, match=file.name),
        ):
            resumed.key(ZONE, DAY, "shop")
