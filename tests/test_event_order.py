"""Events of one visitor in one second keep their order from two workers to figures."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import SETTINGS
from tests.load_and_build import load_and_build
from tests.proxy.transport.raw_http import ask, request
from tests.proxy.worker_process import WorkerProcess
from tests.warehouse.day_frames import rows
from warehouse.build import build, rules_of
from warehouse.rebuild_check import rebuild_differences
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS
from warehouse.tables import Warehouse

_NEWS = "/landing?utm_source=news"
_FROM_SEARCH = {"referrer": "https://www.google.com/"}
_FROM_LANDING = {"referrer": "https://shop.example/landing"}


class Site:
    """Two workers with one spool, and the warehouse behind them."""

    def __init__(self, folder: Path, workers: list[WorkerProcess]) -> None:
        self.workers = workers
        self.warehouse = Warehouse(folder / "warehouse")
        self._spool = Spool(workers[0].spool_dir)

    def send(self, worker: int, *events: dict[str, Any]) -> None:
        """Send *events* of the one visitor to a worker, in one request."""
        body = json.dumps([{"site": "shop"} | event for event in events]).encode()
        line = "X-Forwarded-For: 203.0.113.9"
        answer = ask(
            self.workers[worker].port, request("POST", "/v1/events", body, line)
        )
        assert (answer.status, answer.json["dropped"]) == (HTTPStatus.ACCEPTED, {})

    def stop(self, worker: int) -> None:
        """Stop a worker, which seals its segment, and load and build."""
        self.workers[worker].stop()
        load_and_build(self._spool, self.warehouse)

    def session(self) -> dict[str, Any]:
        """Return the one session of the visitor."""
        (session,) = rows(self.warehouse.view(SESSIONS).read())
        return session


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site with two running workers."""
    proxy = {"trusted_proxies": ["127.0.0.1/32"], "client_ip": "xff"}
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                WorkerProcess(
                    tmp_path,
                    number=number,
                    proxy=proxy,
                    site={"timezone": "Europe/Berlin"},
                )
            )
            for number in range(2)
        ]
        yield Site(tmp_path, workers)


def page(path: str, **facts: Any) -> dict[str, Any]:
    """Return a page view."""
    return {"url": f"https://shop.example{path}", **facts}


@pytest.mark.parametrize("first", [0, 1], ids=["loaded first", "loaded late"])
def test_a_redirect_within_a_second_keeps_the_source_of_the_visit(
    site: Site, first: int
) -> None:
    site.send(first, page(_NEWS, **_FROM_SEARCH))
    site.send(1 - first, page("/de/landing", **_FROM_LANDING))
    site.stop(0)
    site.stop(1)

    session = site.session()
    before = [
        site.warehouse.view(table).read().sort(table.sort_by)
        for table in (SESSIONS, DAILY_STATS)
    ]
    assert (session["pageviews"], session["source"]) == (2, "news")
    assert (session["entry_path"], session["exit_path"]) == ("/landing", "/de/landing")
    events = site.warehouse.open(EVENTS)
    assert events.compact(events.days(), now_s=0) == 2
    build(site.warehouse, rules_of(SETTINGS), 0, full=True)
    assert rebuild_differences(site.warehouse, rules_of(SETTINGS)) == []
    for table, rows_before in zip((SESSIONS, DAILY_STATS), before, strict=True):
        after = site.warehouse.view(table).read().sort(table.sort_by)
        assert after.equals(rows_before)


def test_events_of_a_second_keep_their_order_of_arrival(site: Site) -> None:
    for path in ("/3", "/1", "/4", "/2"):
        site.send(0, page(path))
    site.stop(0)

    session = site.session()
    assert (session["entry_path"], session["exit_path"]) == ("/3", "/2")


@pytest.mark.parametrize("worker", [0, 1], ids=["one worker", "two workers"])
def test_the_clients_own_times_decide_before_the_order_of_arrival(
    site: Site, worker: int
) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the workers read the real clock
    second = now.replace(microsecond=0) - timedelta(seconds=2)
    times = [second + timedelta(milliseconds=ms) for ms in (100, 500, 501)]
    first, second_view, third = [
        time.isoformat(timespec="milliseconds") for time in times
    ]

    site.send(0, page("/3", at=third), page("/2", at=second_view))
    site.send(worker, page("/1", at=first))
    site.stop(0)
    site.stop(1)

    session = site.session()
    assert (session["entry_path"], session["exit_path"]) == ("/1", "/3")
