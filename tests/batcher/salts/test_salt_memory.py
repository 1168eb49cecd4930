"""After the end of a date, a scan finds its salt in no memory of a live process."""

from datetime import date
from pathlib import Path

import pytest

from batcher.salts.directory import DirectorySalts
from batcher.salts.held import site_day_key
from batcher.salts.redis_store import RedisSalts
from batcher.salts.secret_bytes import fill_random
from batcher.salts.store import MARKER_BYTES, SaltStore
from tests.batcher.module_processes import expect_line, running_module, send_line
from tests.batcher.salts.memory_scan import count_in_memory
from tests.batcher.salts.redis_server import running_redis
from tests.batcher.salts.salt_cases import DAY, ZONE
from warehouse.clock.local_dates import local_date

HOLDER = "tests.batcher.salts.salt_holder"


def needles(store: SaltStore, day: date) -> dict[str, bytes]:
    """Return the bytes to search: the secret, a part of it, and the derived key."""
    salt = store.get(ZONE, day)
    assert salt is not None
    secret = bytes(salt[MARKER_BYTES:])
    return {
        "secret": secret,
        "half": secret[8:24],
        "hex": secret.hex().encode(),
        "key": bytes(site_day_key(salt, "shop")),
    }


@pytest.fixture
def store(tmp_path: Path) -> DirectorySalts:
    store = DirectorySalts(tmp_path / "salts")
    store.get_or_create(ZONE, DAY, fill_random)
    return store


def count_before_and_after(
    place: str, day: date, needles: dict[str, bytes]
) -> tuple[dict[str, int], dict[str, int]]:
    """Count the *needles* in a process while the date is live, and afterwards."""
    with running_module(HOLDER, "salts", place, day.isoformat()) as process:
        expect_line(process, "held")
        before = {name: count_in_memory(process.pid, needles[name]) for name in needles}
        send_line(process)
        expect_line(process, "forgotten")
        after = {name: count_in_memory(process.pid, needles[name]) for name in needles}
    return before, after


def test_a_forgotten_salt_is_in_no_memory(store: DirectorySalts) -> None:
    secrets = needles(store, DAY)

    before, after = count_before_and_after(str(store.directory), DAY, secrets)

    assert before["secret"] >= 1
    assert before["key"] >= 1
    assert after == dict.fromkeys(secrets, 0)


def test_a_forgotten_salt_from_redis_is_in_no_memory(
    tmp_path: Path, now_s: float
) -> None:
    day = local_date(ZONE, now_s)
    with running_redis(tmp_path) as url:
        store = RedisSalts(url)
        store.get_or_create(ZONE, day, fill_random)
        secrets = needles(store, day)

        before, after = count_before_and_after(url, day, secrets)

    assert before["secret"] >= 1
    assert after == dict.fromkeys(secrets, 0)


def test_the_scan_finds_a_salt_that_was_kept_in_bytes(store: DirectorySalts) -> None:
    secrets = needles(store, DAY)
    place = str(store.directory)
    with running_module(HOLDER, "bytes", place, DAY.isoformat()) as process:
        expect_line(process, "held")
        send_line(process)
        expect_line(process, "forgotten")

        assert count_in_memory(process.pid, secrets["half"]) >= 1
