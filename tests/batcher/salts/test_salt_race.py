"""Processes that create the salt of a date at the same time all get the same one."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
import redis

from tests.batcher.module_processes import expect_line, running_module, send_line
from tests.batcher.salts.redis_server import running_redis
from warehouse.clock.local_dates import local_date

RACERS = 4


def race(place: str, first: date, count: int) -> list[list[str]]:
    """Start all processes together, and return the digests from each."""
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                running_module(
                    "tests.batcher.salts.salt_racer",
                    place,
                    first.isoformat(),
                    str(count),
                )
            )
            for _ in range(RACERS)
        ]
        for racer in racers:
            expect_line(racer, "ready")
        for racer in racers:
            send_line(racer)
        return [racer.communicate()[0].split() for racer in racers]


def check_race(got: list[list[str]], count: int) -> None:
    assert [len(salts) for salts in got] == [count] * RACERS
    assert len({tuple(salts) for salts in got}) == 1
    assert len(set(got[0])) == count


def test_racing_processes_get_one_salt_per_date(tmp_path: Path) -> None:
    got = race(str(tmp_path / "salts"), date(2026, 11, 22), 400)

    check_race(got, 400)
    assert len(list((tmp_path / "salts").glob("*.salt"))) == 400


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with running_redis(tmp_path) as server_url:
        yield server_url


def test_racing_processes_get_one_salt_per_date_from_redis(
    url: str, now_s: float
) -> None:
    got = race(url, local_date("Asia/Tokyo", now_s), 2)

    check_race(got, 2)
    with redis.Redis.from_url(url) as client:
        assert client.dbsize() == 2
