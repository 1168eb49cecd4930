"""The doctor checks salts, spool, site keys and the geo database."""

import os
from pathlib import Path

import pytest

from config.settings import PrivacySettings, Settings, SpoolSettings
from proxy.doctor import storage
from proxy.doctor.finding import Finding
from proxy.pipeline.site_keys import site_key
from tests.batcher.salts.redis_server import running_redis
from tests.proxy.client.mmdb_files import geoip2, write_mmdb

MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, not written to


def levels_and_texts(findings: list[Finding]) -> list[tuple[str, str]]:
    """Return level and text of each finding."""
    return [(finding.level.value, finding.text) for finding in findings]


def test_salts_on_a_disk_are_a_finding(tmp_path: Path) -> None:
    privacy = PrivacySettings(salt_store=str(tmp_path / "salts"))
    ((level, text),) = levels_and_texts([*storage.salts(privacy, SpoolSettings())])

    assert level == "finding"
    assert "the salts are on a disk" in text
    assert not Path(privacy.salt_store).exists()


@pytest.mark.skipif(not MEMORY.is_dir(), reason="no memory file system")
@pytest.mark.parametrize(
    ("swaps", "expected"),
    [
        pytest.param(None, "fine", id="no such list"),
        pytest.param("Filename Type\n", "fine", id="no swap"),
        pytest.param("Filename Type\n/dev/zram0 partition\n", "fine", id="in memory"),
        pytest.param("Filename Type\n/dev/sda2 partition\n", "look", id="on a disk"),
    ],
)
def test_salts_in_memory_are_checked_for_swap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swaps: str | None, expected: str
) -> None:
    file = tmp_path / "swaps"
    if swaps is not None:
        file.write_text(swaps)
    monkeypatch.setattr(storage, "_SWAPS", file)
    privacy = PrivacySettings(salt_store=str(MEMORY / "millpond-none"))
    ((level, _),) = levels_and_texts([*storage.salts(privacy, SpoolSettings())])

    assert level == expected


def test_an_unreachable_redis_is_a_finding() -> None:
    privacy = PrivacySettings(salt_store="redis://127.0.0.1:1/0")
    ((level, text),) = levels_and_texts([*storage.salts(privacy, SpoolSettings())])

    assert level == "finding"
    assert text.startswith("use the salt store in Redis")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param((), "fine", id="memory only"),
        pytest.param(("--appendonly", "yes"), "finding", id="a log of all writes"),
        pytest.param(("--save", "900 1"), "finding", id="copies now and then"),
        pytest.param(("--rename-command", "CONFIG", ""), "look", id="it does not say"),
    ],
)
def test_redis_persistence_is_checked(
    tmp_path: Path, options: tuple[str, ...], expected: str
) -> None:
    with running_redis(tmp_path, *options) as url:
        privacy = PrivacySettings(salt_store=url)
        ((level, _),) = levels_and_texts([*storage.salts(privacy, SpoolSettings())])

    assert level == expected


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        pytest.param(1 << 20, "fine", id="a limit that fits the disk"),
        pytest.param(1 << 50, "look", id="a limit larger than the disk"),
    ],
)
def test_a_spool_larger_than_its_disk_is_reported(
    tmp_path: Path, most: int, expected: str
) -> None:
    settings = SpoolSettings(dir=str(tmp_path / "spool"), max_bytes=most)
    ((level, _),) = levels_and_texts([*storage.spool(settings)])

    assert level == expected
    assert not Path(settings.dir).exists()


def test_a_file_that_no_load_reads_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "lanes").mkdir()
    (tmp_path / "lanes" / "worker-0").touch()
    settings = SpoolSettings(dir=str(tmp_path), max_bytes=1)
    _, (level, text) = levels_and_texts([*storage.spool(settings)])

    assert level == "finding"
    assert f"{tmp_path}/lanes/worker-0 is not a directory" in text


def test_an_unwritable_spool_is_a_finding(tmp_path: Path) -> None:
    # No user, not even root, can create a directory inside a file.
    (tmp_path / "file").touch()
    settings = SpoolSettings(dir=str(tmp_path / "file" / "spool"))
    ((level, text),) = levels_and_texts([*storage.spool(settings)])

    assert (level, "this user cannot write to" in text) == ("finding", True)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param(None, "fine", id="none yet"),
        pytest.param(0o700, "fine", id="private"),
        pytest.param(0o750, "finding", id="of a group"),
        pytest.param(0o701, "finding", id="of anybody"),
    ],
)
def test_readable_site_keys_are_a_finding(
    tmp_path: Path, mode: int | None, expected: str
) -> None:
    folder = tmp_path / "keys"
    if mode is not None:
        folder.mkdir()
        folder.chmod(mode)
    ((level, _),) = levels_and_texts(
        [*storage.site_keys(PrivacySettings(key_dir=str(folder)))]
    )

    assert level == expected


def test_the_geo_database_is_reported(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.mmdb", tmp_path / "bad.mmdb"
    write_mmdb(good, {"192.0.2.0/24": geoip2("DE")})
    bad.write_bytes(b"no database")
    reports = [
        levels_and_texts([*storage.countries(PrivacySettings(geo_database=name))])[0]
        for name in (str(good), str(bad), str(tmp_path / "none"), "")
    ]

    assert [level for level, _ in reports] == ["fine", "finding", "finding", "look"]
    assert levels_and_texts([*storage.countries(PrivacySettings(geo="none"))]) == [
        ("fine", "not looked up")
    ]


def test_a_changed_site_key_is_a_finding(settings: Settings) -> None:
    before = [*storage.key_commitments(settings)]
    key_dir, spool_dir = Path(settings.privacy.key_dir), Path(settings.spool.dir)
    site_key(key_dir, spool_dir, "shop", os.urandom)
    sound = [*storage.key_commitments(settings)]
    (key_dir / "shop.key").write_bytes(bytes(32))
    ((level, text),) = levels_and_texts([*storage.key_commitments(settings)])

    assert before == sound == []
    assert level == "finding"
    assert "the key is damaged or was replaced" in text
