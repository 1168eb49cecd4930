"""Redis gives several hosts one salt per date, expires it in time, and keeps no copy.

Redis decides expiry by its own clock, so these tests use dates near the real time.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import redis

from batcher.salts.dates import ONE_DAY, date_end_s
from batcher.salts.held import Salts, open_store
from batcher.salts.redis_store import RedisSalts
from batcher.salts.secret_bytes import fill_random
from batcher.salts.store import (
    GRACE_S,
    SaltDamagedError,
    SaltEndedError,
    SaltStoreError,
    commitment,
)
from tests.batcher.salts.redis_server import running_redis
from tests.batcher.salts.salt_cases import ZONE
from tests.processes import free_ports
from warehouse.clock.local_dates import local_date


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server_url:
        yield server_url


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as connection:
        connection.flushall()
        yield connection


@pytest.fixture
def store(url: str, client: redis.Redis) -> RedisSalts:
    assert client.dbsize() == 0
    return RedisSalts(url)


@pytest.fixture
def today(now_s: float) -> date:
    return local_date(ZONE, now_s)


def test_the_salt_of_a_date_is_created_once(store: RedisSalts, today: date) -> None:
    created = store.get_or_create(ZONE, today, fill_random)

    assert len(created) == 40
    assert store.get_or_create(ZONE, today, fill_random) == created
    assert store.get(ZONE, today) == created
    assert store.marker(ZONE, today) == bytes(created[:8])


def test_each_date_and_zone_has_its_own_salt(store: RedisSalts, today: date) -> None:
    got = {
        bytes(store.get_or_create(zone, day, fill_random))
        for zone in (ZONE, "UTC")
        for day in (today, today + ONE_DAY)
    }

    assert len(got) == 4


def test_a_date_without_a_salt_gives_none(store: RedisSalts, today: date) -> None:
    assert store.get(ZONE, today) is None
    assert store.marker(ZONE, today) is None


def test_live_salts_are_listed_without_their_secret(
    store: RedisSalts, today: date
) -> None:
    salt = store.get_or_create(ZONE, today, fill_random)
    store.get_or_create("UTC", today, fill_random)

    first, second = store.live()

    assert (first.zone, second.zone) == (ZONE, "UTC")
    assert (first.day, first.marker) == (today, salt[:8].hex())
    assert first.commitment == commitment(salt).hex()


def test_redis_expires_a_salt_shortly_after_its_grace_period(
    store: RedisSalts, client: redis.Redis, today: date, now_s: float
) -> None:
    store.get_or_create(ZONE, today, fill_random)
    (key,) = client.keys()

    got = now_s + client.ttl(key)

    due = date_end_s(ZONE, today) + GRACE_S
    assert due < got <= due + 600


def test_a_date_that_is_over_on_the_clock_of_redis_gets_no_salt(
    store: RedisSalts, today: date
) -> None:
    with pytest.raises(SaltEndedError):
        store.get_or_create(ZONE, today - 2 * ONE_DAY, fill_random)

    assert store.live() == []


def test_a_destroyed_salt_is_not_returned(store: RedisSalts, today: date) -> None:
    store.get_or_create(ZONE, today, fill_random)
    store.get_or_create("UTC", today, fill_random)

    store.destroy(ZONE, today)

    assert store.get(ZONE, today) is None
    assert [mark.zone for mark in store.live()] == ["UTC"]


def test_destroying_an_expired_salt_is_no_error(store: RedisSalts, today: date) -> None:
    store.destroy(ZONE, today)

    assert store.live() == []


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(b"x" * 40, id="too short"),
        pytest.param(bytes(72), id="all zeros"),
        pytest.param(b"x" * 72, id="other data"),
    ],
)
def test_a_damaged_salt_is_refused(
    store: RedisSalts, client: redis.Redis, today: date, stored: bytes
) -> None:
    client.set(f"millpond:salt:{ZONE}:{today}", stored)

    with pytest.raises(SaltDamagedError):
        store.get_or_create(ZONE, today, fill_random)


def test_a_redis_that_lost_its_data_gets_the_salt_from_the_process(
    store: RedisSalts, client: redis.Redis, today: date, now_s: float
) -> None:
    salts = Salts(store, fill_random)
    salts.prefetch([ZONE], now_s)
    before = salts.key_if_live(ZONE, today, "shop", now_s)
    client.flushall()

    salts.prefetch([ZONE], now_s)

    assert before is not None
    assert Salts(store, fill_random).key(ZONE, today, "shop", now_s) == before


def test_a_redis_without_persistence_is_volatile(store: RedisSalts) -> None:
    assert store.is_volatile() is True


def test_a_redis_with_persistence_is_not_volatile(
    store: RedisSalts, client: redis.Redis
) -> None:
    client.config_set("save", "3600 1")
    got = store.is_volatile()
    client.config_set("save", "")

    assert got is False


def test_the_error_without_redis_contains_no_password(
    today: date,
) -> None:
    (port,) = free_ports(1)
    store = RedisSalts(f"redis://:hunter2@127.0.0.1:{port}/0")

    with pytest.raises(SaltStoreError) as caught:
        store.get_or_create(ZONE, today, fill_random)

    text = f"{caught.value} {caught.value!r} {store!r}"
    assert caught.value.__cause__ is None
    assert "hunter2" not in text


def test_an_error_of_the_helper_process_is_no_salt(tmp_path: Path, today: date) -> None:
    with (
        running_redis(tmp_path) as server_url,
        redis.Redis.from_url(server_url) as client,
    ):
        store = RedisSalts(server_url)
        store.get_or_create(ZONE, today, fill_random)
        # The two open connections fit, a third does not.
        client.config_set("maxclients", 2)

        with pytest.raises(SaltStoreError, match="courier"):
            store.get(ZONE, today)


def test_the_setting_chooses_redis(url: str, tmp_path: Path) -> None:
    assert isinstance(open_store(url, tmp_path / "spool"), RedisSalts)
    assert list(tmp_path.iterdir()) == []
