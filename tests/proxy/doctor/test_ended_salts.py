"""A salt that outlived its date is a finding, whoever runs the command."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from batcher.salts.directory import DirectorySalts, default_directory
from batcher.salts.held import open_store
from batcher.salts.locations import SaltLocations
from config.settings import PrivacySettings, SpoolSettings
from proxy.doctor.former_salts import former_salts
from proxy.doctor.storage import ended_salts
from tests.batcher.salts.redis_server import running_redis

# A date to come, because Redis refuses salts of dates that are over.
DAY = date(2096, 3, 1)
# Half an hour after the date, the salt is due; some minutes later, it is late.
ENDED_S = datetime(2096, 3, 2, tzinfo=UTC).timestamp() + 1_800
EXPECTED = [
    (
        "the salt of 2096-03-01 should have been destroyed: visitor hashes of that date"
        " can still be computed"
    )
]


def _fill(buffer: bytearray) -> None:
    buffer[:] = bytes(range(1, len(buffer) + 1))


def _texts(salt_store: str, spool_dir: Path, now_s: float) -> list[str]:
    results = ended_salts(
        PrivacySettings(salt_store=salt_store), SpoolSettings(dir=str(spool_dir)), now_s
    )
    return [result.text for result in results if result.level == "finding"]


@pytest.mark.parametrize(
    ("late_s", "expected"),
    [
        pytest.param(-86_400, [], id="of today"),
        pytest.param(0, [], id="just due"),
        pytest.param(599, [], id="the batcher may be about to destroy it"),
        pytest.param(600, EXPECTED, id="late"),
        pytest.param(90 * 86_400, EXPECTED, id="long ago"),
    ],
)
def test_a_salt_past_its_date_is_a_finding(
    tmp_path: Path, late_s: int, expected: list[str]
) -> None:
    directory = tmp_path / "salts"
    DirectorySalts(directory).get_or_create("UTC", DAY, _fill)

    assert _texts(str(directory), tmp_path / "spool", ENDED_S + late_s) == expected


def test_the_default_directory_is_examined_for_each_user(tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    default = default_directory(spool_dir)
    # As if another user ran the proxy.
    other = default.with_name(default.name.replace("millpond-", "millpond-9", 1))
    store = DirectorySalts(other)
    try:
        store.get_or_create("UTC", DAY, _fill)
        got = _texts("", spool_dir, ENDED_S + 600)
    finally:
        store.remove()

    assert got == EXPECTED
    assert _texts("", spool_dir, ENDED_S + 600) == []
    assert not default.exists()


def test_salts_in_redis_are_examined(tmp_path: Path) -> None:
    from batcher.salts.redis_store import RedisSalts  # noqa: PLC0415 - as the code does

    with running_redis(tmp_path) as url:
        RedisSalts(url).get_or_create("UTC", DAY, _fill)
        got = _texts(url, tmp_path / "spool", ENDED_S + 600)

    assert got == EXPECTED


def test_a_store_that_does_not_exist_is_not_created(tmp_path: Path) -> None:
    directory = tmp_path / "salts"

    assert _texts(str(directory), tmp_path / "spool", ENDED_S) == []
    assert not directory.exists()


def test_a_salt_in_a_former_store_is_a_finding_when_it_is_late(tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    open_store(str(tmp_path / "a"), spool_dir).get_or_create("UTC", DAY, _fill)

    assert _texts(str(tmp_path / "b"), spool_dir, ENDED_S + 599) == []
    assert _texts(str(tmp_path / "b"), spool_dir, ENDED_S + 600) == EXPECTED


def _former(spool_dir: Path, current: Path) -> list[tuple[str, str]]:
    return [(each.level, each.text) for each in former_salts(spool_dir, current)]


def test_a_former_store_is_named_while_it_holds_salts(tmp_path: Path) -> None:
    spool_dir, former = tmp_path / "spool", tmp_path / "a"
    store = open_store(str(former), spool_dir)
    empty = _former(spool_dir, tmp_path / "b")
    store.get_or_create("UTC", DAY, _fill)

    assert empty == []
    assert _former(spool_dir, former) == []
    assert _former(spool_dir, tmp_path / "b") == [
        ("look", f"the former salt store {former} holds 1 salt on a disk")
    ]


def test_a_former_store_that_others_use_is_named_with_them(tmp_path: Path) -> None:
    shared = tmp_path / "a"
    for name in ("spool", "theirs"):
        open_store(str(shared), tmp_path / name).get_or_create("UTC", DAY, _fill)

    text = f"the former salt store {shared} holds 1 salt on a disk"
    others = tmp_path / "theirs"
    assert _former(tmp_path / "spool", tmp_path / "b") == [
        ("look", f"{text}, and {others} uses it too")
    ]


def test_an_absent_former_store_is_a_finding(tmp_path: Path) -> None:
    spool_dir, former = tmp_path / "spool", tmp_path / "a"
    open_store(str(former), spool_dir).get_or_create("UTC", DAY, _fill)
    former.rename(tmp_path / "away")

    (result,) = former_salts(spool_dir, tmp_path / "b")

    assert (result.level, result.text) == (
        "finding",
        f"the former salt store {former} is missing, and its disk may still hold salts",
    )
    assert (result.hint or "").startswith("mount its disk; if it was destroyed, remove")


def test_a_damaged_record_of_a_former_store_is_a_finding(tmp_path: Path) -> None:
    spool_dir = tmp_path / "spool"
    open_store(str(tmp_path / "a"), spool_dir)
    record = SaltLocations(spool_dir).record_path(str(tmp_path / "a"))
    record.write_bytes(b"x")

    assert _former(spool_dir, tmp_path / "b") == [
        ("finding", f"the record of a former salt store is damaged: {record}")
    ]
