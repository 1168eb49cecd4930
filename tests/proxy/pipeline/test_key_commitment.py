"""A changed or missing site key is always detected, for any flipped bit."""

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
class KeyFiles:
    """The files of the site key and of both copies of its commitment."""

    folder: Path

    @property
    def key(self) -> Path:
        """The file of the key."""
        return self.folder / "keys" / "shop.key"

    @property
    def beside(self) -> Path:
        """The commitment beside the key."""
        return self.folder / "keys" / "shop.commitment"

    @property
    def in_spool(self) -> Path:
        """The copy of the commitment in the spool."""
        return self.folder / "spool" / "keys" / "shop.commitment"

    @property
    def all(self) -> tuple[Path, Path, Path]:
        """All three files."""
        return self.key, self.beside, self.in_spool

    def open(self, random: Callable[[int], bytes] = no_more_keys) -> bytes:
        """Return the key as a worker opens it."""
        return site_key(self.folder / "keys", self.folder / "spool", "shop", random)

    def read(self) -> bytes:
        """Return the key as a report reads it."""
        return verified_key(self.folder / "keys", self.folder / "spool", "shop")


@pytest.fixture
def key_files(tmp_path: Path) -> KeyFiles:
    """Return the files of a site whose key exists."""
    key_files = KeyFiles(tmp_path)
    assert key_files.open(lambda _: KEY) == KEY
    return key_files


def test_a_new_key_has_commitments_beside_it_and_in_the_spool(
    key_files: KeyFiles,
) -> None:
    text = key_files.beside.read_text()
    algorithm, commitment, _check = text.splitlines()[1].split(" ")

    assert key_files.in_spool.read_text() == text
    assert text.startswith("# Shows whether shop.key is still the same key.")
    assert (algorithm, commitment) == ("blake2b-256", key_commitment(KEY))
    assert KEY.hex() not in text


def test_the_commitment_matches_a_known_value() -> None:
    # A different value would refuse the keys of every installation.
    assert key_commitment(KEY)[:16] == "478ac26ee898239c"


@pytest.mark.parametrize("in_spool", [True, False], ids=["spool kept", "spool new"])
def test_every_bit_flip_in_a_key_is_detected(
    key_files: KeyFiles, *, in_spool: bool
) -> None:
    if not in_spool:
        key_files.in_spool.unlink()
    for flipped in flips(KEY):
        key_files.key.write_bytes(flipped)
        for look in (key_files.open, key_files.read):
            with pytest.raises(SiteKeyError) as caught:
                look()

            assert caught.value.exit_code == 2
            assert f"{key_files.key}: the key is damaged or was replaced" in str(
                caught.value
            )
            assert "restore it from a backup" in str(caught.value)


def test_a_damaged_commitment_is_restored_from_its_copy(key_files: KeyFiles) -> None:
    sound = key_files.beside.read_bytes()
    for path in (key_files.beside, key_files.in_spool):
        for flipped in flips(sound):
            path.write_bytes(flipped)

            assert key_files.read() == KEY
            assert key_files.open() == KEY
            assert path.read_bytes() == sound


@pytest.mark.parametrize("at", [1, 2], ids=["beside", "in the spool"])
def test_a_damaged_single_commitment_is_reported(key_files: KeyFiles, at: int) -> None:
    path, other = key_files.all[at], key_files.all[3 - at]
    for flipped in flips(path.read_bytes()):
        path.write_bytes(flipped)
        other.unlink(missing_ok=True)

        with pytest.raises(SiteKeyError, match="is damaged") as caught:
            key_files.open()
        assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        pytest.param([0], 1, id="the key"),
        pytest.param([0, 1], 2, id="the key and what is beside it"),
        pytest.param([0, 2], 1, id="the key and what is in the spool"),
    ],
)
def test_a_missing_key_is_not_created_again(
    key_files: KeyFiles, gone: list[int], named: int
) -> None:
    for index in gone:
        key_files.all[index].unlink()
    for look in (key_files.open, key_files.read):
        with pytest.raises(SiteKeyError, match="it is missing") as caught:
            look()
        assert str(key_files.all[named]) in caught.value.message
    assert not key_files.key.exists()


def test_a_damaged_commitment_still_proves_a_former_key(key_files: KeyFiles) -> None:
    key_files.key.unlink()
    key_files.in_spool.unlink()
    key_files.beside.write_bytes(b"?")

    with pytest.raises(SiteKeyError, match="it is missing"):
        key_files.open()


def test_the_key_of_another_installation_is_refused(
    key_files: KeyFiles, tmp_path: Path
) -> None:
    other = KeyFiles(tmp_path / "other")
    other.open(os.urandom)
    shutil.copytree(other.folder / "keys", tmp_path / "keys", dirs_exist_ok=True)

    with pytest.raises(SiteKeyError) as caught:
        key_files.open()

    assert caught.value.message == (
        f"read site key {key_files.key}: {key_files.beside} belongs to this key,"
        f" {key_files.in_spool} to another one"
    )


@pytest.mark.parametrize("gone", [[1], [2], [1, 2]])
def test_a_key_without_commitments_gets_them(
    key_files: KeyFiles, gone: list[int]
) -> None:
    # This is the state after a crash between the two, and after an old version.
    sound = key_files.beside.read_bytes()
    for index in gone:
        key_files.all[index].unlink()

    assert key_files.read() == KEY
    assert key_files.open() == KEY
    assert [path.read_bytes() for path in key_files.all] == [KEY, sound, sound]


def test_a_new_key_is_created_if_all_files_are_missing(key_files: KeyFiles) -> None:
    for path in key_files.all:
        path.unlink()

    assert key_files.open(os.urandom) != KEY


def test_racing_processes_agree_on_the_commitment(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(10)]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        for folder in folders:
            futures = [pool.submit(_open, folder) for _ in range(4)]
            keys = {future.result() for future in futures}

            assert keys == {KeyFiles(folder).read()}


def _open(folder: Path) -> bytes:
    return KeyFiles(folder).open(os.urandom)


def test_a_worker_does_not_start_without_its_key(
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
