"""Once a date is over its salt is in no memory: a scan of a live process proves it."""

from datetime import date
from pathlib import Path

import pytest

from batcher.salts.directory import DirectorySalts
from batcher.salts.held import site_day_key
from batcher.salts.redis_store import RedisSalts
from batcher.salts.secret_bytes import fill_random
from batcher.salts.store import MARKER_BYTES, SaltStore
from tests.batcher.processes import answer, hear, running_module
from tests.batcher.salts.memory_scan import count_in_memory
from tests.batcher.salts.redis_server import running_redis
from tests.batcher.salts.salt_cases import DAY, ZONE
from warehouse.clock.local_dates import local_date

HOLDER = "tests.batcher.salts.salt_holder"


def needles(store: SaltStore, day: date) -> dict[str, bytes]:
    """Return what must not be found: the secret, a part of it, what is derived."""
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
    made = DirectorySalts(tmp_path / "salts")
    made.get_or_create(ZONE, DAY, fill_random)
    return made


def found_before_and_after(
    place: str, day: date, sought: dict[str, bytes]
) -> tuple[dict[str, int], dict[str, int]]:
    """Count what a process holds of *sought* while the date lives, and afterwards."""
    with running_module(HOLDER, "salts", place, day.isoformat()) as process:
        hear(process, "held")
        before = {name: count_in_memory(process.pid, sought[name]) for name in sought}
        answer(process)
        hear(process, "forgotten")
        after = {name: count_in_memory(process.pid, sought[name]) for name in sought}
    return before, after


def test_a_forgotten_salt_is_in_no_memory(store: DirectorySalts) -> None:
    sought = needles(store, DAY)

    before, after = found_before_and_after(str(store.directory), DAY, sought)

    assert before["secret"] >= 1
    assert before["key"] >= 1
    assert after == dict.fromkeys(sought, 0)


def test_a_salt_from_redis_is_in_no_memory_either(tmp_path: Path, now_s: float) -> None:
    day = local_date(ZONE, now_s)
    with running_redis(tmp_path) as url:
        store = RedisSalts(url)
        store.get_or_create(ZONE, day, fill_random)
        sought = needles(store, day)

        before, after = found_before_and_after(url, day, sought)

    assert before["secret"] >= 1
    assert after == dict.fromkeys(sought, 0)


def test_the_scan_finds_a_salt_that_was_kept_in_bytes(store: DirectorySalts) -> None:
    sought = needles(store, DAY)
    place = str(store.directory)
    with running_module(HOLDER, "bytes", place, DAY.isoformat()) as process:
        hear(process, "held")
        answer(process)
        hear(process, "forgotten")

        assert count_in_memory(process.pid, sought["half"]) >= 1
