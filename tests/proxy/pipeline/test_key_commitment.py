"""A site's key cannot change or vanish without a word, whichever bit of it flips."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest

from proxy.pipeline.site_keys import KEY_BYTES, SiteKeyError, site_key
from tests.bit_flips import flips
from tests.proxy.worker_process import WorkerProcess
from warehouse.key_commitment import key_commitment, verified_key

KEY = bytes(range(KEY_BYTES))


def no_more_keys(_size: int) -> bytes:
    pytest.fail("a second key was made")


@dataclass(frozen=True)
class Place:
    """Where the key of the site is, and both copies of its commitment."""

    folder: Path

    @property
    def key(self) -> Path:
        """The key."""
        return self.folder / "keys" / "shop.key"

    @property
    def beside(self) -> Path:
        """The commitment beside it."""
        return self.folder / "keys" / "shop.commitment"

    @property
    def in_spool(self) -> Path:
        """The copy in the spool."""
        return self.folder / "spool" / "keys" / "shop.commitment"

    @property
    def all(self) -> tuple[Path, Path, Path]:
        """All three."""
        return self.key, self.beside, self.in_spool

    def open(self, random: Callable[[int], bytes] = no_more_keys) -> bytes:
        """Return the key as a worker gets it."""
        return site_key(self.folder / "keys", self.folder / "spool", "shop", random)

    def read(self) -> bytes:
        """Return the key as a report gets it."""
        return verified_key(self.folder / "keys", self.folder / "spool", "shop")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a site whose key is made."""
    place = Place(tmp_path)
    assert place.open(lambda _: KEY) == KEY
    return place


def test_a_new_key_has_a_commitment_beside_it_and_in_the_spool(place: Place) -> None:
    text = place.beside.read_text()
    algorithm, commitment, _check = text.splitlines()[1].split(" ")

    assert place.in_spool.read_text() == text
    assert text.startswith("# Shows whether shop.key is still the same key.")
    assert (algorithm, commitment) == ("blake2b-256", key_commitment(KEY))
    assert KEY.hex() not in text


def test_the_commitment_has_not_drifted() -> None:
    # Another value would refuse the keys of every installation.
    assert key_commitment(KEY)[:16] == "478ac26ee898239c"


@pytest.mark.parametrize("in_spool", [True, False], ids=["spool kept", "spool new"])
def test_no_bit_of_a_key_flips_in_silence(place: Place, *, in_spool: bool) -> None:
    if not in_spool:
        place.in_spool.unlink()
    for flipped in flips(KEY):
        place.key.write_bytes(flipped)
        for look in (place.open, place.read):
            with pytest.raises(SiteKeyError) as caught:
                look()

            assert caught.value.exit_code == 2
            assert f"{place.key}: the key is damaged or was replaced" in str(
                caught.value
            )
            assert "restore it from a backup" in str(caught.value)


def test_a_flip_in_one_commitment_is_mended_from_the_other(place: Place) -> None:
    sound = place.beside.read_bytes()
    for path in (place.beside, place.in_spool):
        for flipped in flips(sound):
            path.write_bytes(flipped)

            assert place.read() == KEY
            assert place.open() == KEY
            assert path.read_bytes() == sound


@pytest.mark.parametrize("at", [1, 2], ids=["beside", "in the spool"])
def test_a_flip_in_the_only_commitment_is_named(place: Place, at: int) -> None:
    path, other = place.all[at], place.all[3 - at]
    for flipped in flips(path.read_bytes()):
        path.write_bytes(flipped)
        other.unlink(missing_ok=True)

        with pytest.raises(SiteKeyError, match="is damaged") as caught:
            place.open()
        assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        pytest.param([0], 1, id="the key"),
        pytest.param([0, 1], 2, id="the key and what is beside it"),
        pytest.param([0, 2], 1, id="the key and what is in the spool"),
    ],
)
def test_a_key_that_is_missing_is_not_made_again(
    place: Place, gone: list[int], named: int
) -> None:
    for each in gone:
        place.all[each].unlink()
    for look in (place.open, place.read):
        with pytest.raises(SiteKeyError, match="it is missing") as caught:
            look()
        assert str(place.all[named]) in caught.value.message
    assert not place.key.exists()


def test_a_damaged_commitment_still_shows_that_there_was_a_key(place: Place) -> None:
    place.key.unlink()
    place.in_spool.unlink()
    place.beside.write_bytes(b"?")

    with pytest.raises(SiteKeyError, match="it is missing"):
        place.open()


def test_another_installations_key_is_refused_with_its_commitment(
    place: Place, tmp_path: Path
) -> None:
    other = Place(tmp_path / "other")
    other.open(os.urandom)
    shutil.copytree(other.folder / "keys", tmp_path / "keys", dirs_exist_ok=True)

    with pytest.raises(SiteKeyError) as caught:
        place.open()

    assert caught.value.message == (
        f"read site key {place.key}: {place.beside} belongs to this key,"
        f" {place.in_spool} to another one"
    )


@pytest.mark.parametrize("gone", [[1], [2], [1, 2]])
def test_a_key_without_commitments_gets_them_and_stays(
    place: Place, gone: list[int]
) -> None:
    # So it is after a crash between the two, and where no version made any.
    sound = place.beside.read_bytes()
    for each in gone:
        place.all[each].unlink()

    assert place.read() == KEY
    assert place.open() == KEY
    assert [path.read_bytes() for path in place.all] == [KEY, sound, sound]


def test_without_all_three_a_new_key_begins(place: Place) -> None:
    for each in place.all:
        each.unlink()

    assert place.open(os.urandom) != KEY


def test_processes_that_race_agree_on_the_commitment(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(10)]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        for folder in folders:
            made = [pool.submit(_open, folder) for _ in range(4)]
            keys = {each.result() for each in made}

            assert keys == {Place(folder).read()}


def _open(folder: Path) -> bytes:
    return Place(folder).open(os.urandom)


def test_a_worker_whose_key_is_gone_does_not_start_and_says_why(
    tmp_path: Path,
) -> None:
    with WorkerProcess(tmp_path) as worker:
        pass
    key = tmp_path / "keys" / "shop.key"
    key.unlink()
    with pytest.raises(AssertionError):
        worker.start()

    assert worker.stop() == 2
    assert f"read site key {key}: it is missing" in worker.log
    assert 'docs/operations.md, "A site\'s key is missing or changed"' in worker.log
    assert not key.exists()
