"""No flipped bit gives a date a second salt, or brings a destroyed one back."""

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
from tests.flips import flips

# When the salt of DAY is destroyed, and its note written.
NOTED_S = at("2026-11-23T00:30")


@pytest.fixture
def store(tmp_path: Path) -> DirectorySalts:
    return DirectorySalts(tmp_path / "salts")


def note(store: DirectorySalts, content: bytes) -> Path:
    """Leave *content* as the note of the last date, as old as it would be."""
    path = store.directory / "Europe%2FBerlin.ended"
    path.write_bytes(content)
    os.utime(path, (NOTED_S, NOTED_S))
    return path


def ended(store: DirectorySalts) -> list[date]:
    """Return which dates get no salt."""
    days = [DAY - timedelta(days=400), DAY_BEFORE, DAY, DAY_AFTER]
    found = []
    for day in days:
        try:
            store.get_or_create(ZONE, day, fill_random)
        except SaltEndedError:
            found.append(day)
    return found


def in_two(flipped: Iterator[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the flips of a salt's marker, and all others."""
    every = list(flipped)
    return every[: 8 * MARKER_BYTES], every[8 * MARKER_BYTES :]


def test_a_flip_in_a_salt_is_refused_or_changes_no_visitor(
    store: DirectorySalts,
) -> None:
    salt = store.get_or_create(ZONE, DAY, fill_random)
    (file,) = store.directory.glob("*.salt")
    in_marker, in_rest = in_two(flips(file.read_bytes()))
    for flipped in in_marker:
        file.write_bytes(flipped)
        got = store.get_or_create(ZONE, DAY, fill_random)

        # The marker is public and no part of any hash.
        assert got[MARKER_BYTES:] == salt[MARKER_BYTES:]
    for flipped in in_rest:
        file.write_bytes(flipped)

        with pytest.raises(SaltDamagedError, match=file.name):
            store.get_or_create(ZONE, DAY, fill_random)


def test_a_flip_in_the_note_of_an_end_brings_no_date_back(
    store: DirectorySalts, caplog: pytest.LogCaptureFixture
) -> None:
    store.destroy(ZONE, DAY)
    sound = (store.directory / "Europe%2FBerlin.ended").read_bytes()
    note(store, sound)
    before = ended(store)
    count = 0
    for flipped in flips(sound):
        note(store, flipped)
        count += 1

        assert ended(store) == before
    said = [record for record in caplog.messages if "salt_note_damaged" in record]

    assert before == [DAY - timedelta(days=400), DAY_BEFORE, DAY]
    assert len(said) >= count


@pytest.mark.parametrize("content", [b"", b"?", b"2026-11-2", bytes(19), b"x" * 900])
def test_a_note_that_is_no_note_counts_by_its_time(
    store: DirectorySalts, content: bytes
) -> None:
    note(store, content)

    assert ended(store)[-1] == DAY


def test_a_damaged_note_is_written_anew_by_the_next_destruction(
    store: DirectorySalts,
) -> None:
    path = note(store, b"?")
    store.destroy(ZONE, DAY_BEFORE)

    assert path.read_bytes() == encode_end(DAY)


def test_a_note_of_an_earlier_version_is_read(store: DirectorySalts) -> None:
    note(store, DAY_BEFORE.isoformat().encode())
    before = ended(store)
    path = note(store, DAY_BEFORE.isoformat().encode())
    store.destroy(ZONE, DAY)

    assert before[-1] == DAY_BEFORE
    assert path.read_bytes() == encode_end(DAY)


def test_a_date_that_was_not_over_when_it_was_noted_is_damage(
    store: DirectorySalts,
) -> None:
    note(store, b"2036-11-22")

    assert ended(store)[-1] == DAY


def test_a_salt_of_a_clock_that_ran_ahead_ends_no_date(store: DirectorySalts) -> None:
    store.get_or_create(ZONE, date(2029, 1, 1), fill_random)
    destroyed = destroy_due(store, NOTED_S)

    assert [each.day for each in destroyed] == [date(2029, 1, 1)]
    assert store.live() == []
    assert ended(store) == []


def test_a_flip_in_a_salt_of_an_import_is_refused_or_changes_no_visitor(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "import"
    first = ImportSalts(folder, fill_random)
    key = bytes(first.key(ZONE, DAY, "shop"))
    first.close()
    (file,) = folder.glob("*.salt")
    in_marker, in_rest = in_two(flips(file.read_bytes()))
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
