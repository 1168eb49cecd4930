"""A site key is created once, is private, and separates the purposes of ids."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pipeline.site_keys import (
    KEY_BYTES,
    HashPurpose,
    SiteKeyError,
    keyed_hash,
    site_key,
)

KEY = bytes(range(KEY_BYTES))
KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
TEXTS = st.text(max_size=80)


def no_more_keys(_size: int) -> bytes:
    pytest.fail("a second key was made")


def test_a_key_is_created_once_and_read_again(tmp_path: Path) -> None:
    created = site_key(tmp_path / "a" / "keys", tmp_path / "spool", "shop", os.urandom)
    loaded = site_key(tmp_path / "a" / "keys", tmp_path / "spool", "shop", no_more_keys)

    assert len(created) == KEY_BYTES
    assert loaded == created


def test_every_site_has_its_own_key(tmp_path: Path) -> None:
    keys = {
        site_key(tmp_path, tmp_path / "spool", site, os.urandom)
        for site in ("shop", "blog", "docs")
    }

    assert len(keys) == 3


def test_only_the_owner_can_read_a_new_key(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        site_key(tmp_path / "keys", tmp_path / "spool", "shop", os.urandom)
    finally:
        os.umask(before)
    modes = [
        path.stat().st_mode & 0o777
        for path in (tmp_path / "keys", tmp_path / "keys" / "shop.key")
    ]

    assert modes == [0o700, 0o600]


def test_the_second_creator_uses_the_first_key(tmp_path: Path) -> None:
    first = []

    def overtaken(size: int) -> bytes:
        first.append(site_key(tmp_path, tmp_path / "spool", "shop", os.urandom))
        return bytes(size)

    second = site_key(tmp_path, tmp_path / "spool", "shop", overtaken)

    assert [second] == first
    assert site_key(tmp_path, tmp_path / "spool", "shop", no_more_keys) == second


def test_racing_processes_get_the_same_key(tmp_path: Path) -> None:
    sites = [f"site-{number}" for number in range(20)]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        rounds = [
            list(
                pool.map(
                    site_key,
                    [tmp_path] * 4,
                    [tmp_path / "spool"] * 4,
                    [site] * 4,
                    [os.urandom] * 4,
                )
            )
            for site in sites
        ]

    assert [len(set(keys)) for keys in rounds] == [1] * len(sites)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666, 0o660, 0o602, 0o610])
def test_a_key_readable_by_others_is_refused(tmp_path: Path, mode: int) -> None:
    site_key(tmp_path, tmp_path / "spool", "shop", os.urandom)
    path = tmp_path / "shop.key"
    path.chmod(mode)

    with pytest.raises(SiteKeyError) as caught:
        site_key(tmp_path, tmp_path / "spool", "shop", no_more_keys)

    assert str(caught.value) == (
        f"read site key {path}: other users can access it (mode {mode:04o})\n"
        f"  hint: chmod 600 {path}"
    )
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"", KEY[:-1], KEY + b"\n"])
def test_a_key_of_wrong_length_is_refused_and_kept(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "shop.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(SiteKeyError, match="32 bytes expected"):
        site_key(tmp_path, tmp_path / "spool", "shop", no_more_keys)
    assert path.read_bytes() == content


def test_a_directory_at_the_key_path_is_reported(tmp_path: Path) -> None:
    (tmp_path / "shop.key").mkdir()

    with pytest.raises(SiteKeyError, match=r"read site key .*shop\.key is a directory"):
        site_key(tmp_path, tmp_path / "spool", "shop", no_more_keys)


def test_the_hash_matches_known_values() -> None:
    got = {purpose.name: keyed_hash(KEY, purpose, "1001") for purpose in HashPurpose}

    # From `openssl mac -macopt custom:"millpond event" -macopt size:8 … BLAKE2BMAC`.
    assert got == {
        "EVENT": 6326738786458014345,
        "SERVER_EVENT": -2345886652029636175,
        "ORDER": -3862549458184077781,
        "CART": -4903842718114776847,
        "ACTOR": 4985663448219142448,
    }


@given(key=KEYS, text=TEXTS)
def test_an_id_has_a_different_hash_for_every_purpose(key: bytes, text: str) -> None:
    got = {keyed_hash(key, purpose, text) for purpose in HashPurpose}

    assert len(got) == len(HashPurpose)
    assert all(-(2**63) <= value < 2**63 for value in got)


@given(
    keys=st.lists(KEYS, min_size=2, max_size=2, unique=True),
    texts=st.lists(TEXTS, min_size=2, max_size=2, unique=True),
    purpose=st.sampled_from(HashPurpose),
)
def test_a_different_key_or_id_gives_a_different_hash(
    keys: list[bytes], texts: list[str], purpose: HashPurpose
) -> None:
    got = {keyed_hash(key, purpose, text) for key in keys for text in texts}

    assert len(got) == 4


def test_a_renamed_site_keeps_the_key_of_its_newest_former_id(tmp_path: Path) -> None:
    places = (tmp_path / "keys", tmp_path / "spool")
    former = [site_key(*places, name, os.urandom) for name in ("first", "second")]

    renamed = site_key(*places, "third", no_more_keys, ["first", "second"])
    alone = site_key(*places, "third", no_more_keys)

    assert renamed == alone == former[1]


def test_a_renamed_site_without_a_former_key_gets_its_own(tmp_path: Path) -> None:
    key = site_key(tmp_path, tmp_path / "spool", "new", os.urandom, ["old"])

    assert len(key) == KEY_BYTES


def test_a_lost_former_key_is_named(tmp_path: Path) -> None:
    site_key(tmp_path, tmp_path / "spool", "old", os.urandom)
    (tmp_path / "old.key").unlink()

    with pytest.raises(SiteKeyError, match=r"old\.key: it is missing"):
        site_key(tmp_path, tmp_path / "spool", "new", os.urandom, ["old"])
