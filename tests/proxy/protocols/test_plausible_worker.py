"""Captured Plausible requests give the right events in a real worker."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.protocols.replay import Stored, captured, dropped, replay, stored
from tests.proxy.transport.raw_http import USER_AGENT, ask, request
from tests.proxy.worker_process import WorkerProcess

VIEW = {"n": "pageview", "u": "https://shop.example/p/42", "d": "shop.example"}
PROPS = ("plan", "seats", "index", "host", "file", "url")
# All personal values in the captures, and values that no URL should contain.
PERSONAL = (
    *(b"ada@", b"ada%40", b"s3cr3t", b"session=abc", b"article", b"order-1001"),
    b"reviews",
)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    site = {"keys": ["wire-key-1"], "props_allow": PROPS}
    with WorkerProcess(tmp_path, site=site) as worker:
        yield worker


BLUE_MUG = "/products/blue-mug"
EXPECTED = [
    *[Stored("Batch Item", BLUE_MUG, None, None)] * 5,
    Stored("Signup Clicked", BLUE_MUG, None, None),
    Stored("order_placed", BLUE_MUG, 5990, "EUR"),
    Stored("pageview", BLUE_MUG, None, None),
    Stored("pageview", "/checkout", None, None),
]
ATTENTION = [
    Stored("Page Left", "/checkout", None, None),
    Stored("engagement", BLUE_MUG, None, None),
    Stored("engagement", "/checkout", None, None),
]


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        pytest.param("plausible-tracker", EXPECTED + ATTENTION, id="tracker 0.4"),
        pytest.param("plausible-tracker-legacy", EXPECTED, id="tracker 0.3"),
    ],
)
def test_each_captured_event_is_counted_once_without_personal_data(
    worker: WorkerProcess, client: str, expected: list[Stored]
) -> None:
    answers = replay(worker, captured(client), prefix="/stats")

    assert {(answer.status, answer.body) for answer in answers} == {(202, b"ok")}
    assert stored(worker) == sorted(expected, key=str)
    assert dropped(worker) == {}
    events = worker.spooled.events
    assert len({event.visitor for event in events}) == 1
    assert {event.protocol for event in events} == {"plausible"}
    first = next(event for event in events if event.path == BLUE_MUG)
    assert (first.referrer, first.source, first.channel) == (
        "news.example",
        "newsletter",
        "email",
    )
    written = worker.written()
    assert [value for value in PERSONAL if value in written] == []
    # Only a part of the first name: hex ids of the spool could spell all of it.
    assert "ada" not in repr(events).lower()
    assert USER_AGENT.encode() not in written


def test_engagement_is_stored_as_measured(worker: WorkerProcess) -> None:
    replay(worker, captured("plausible-tracker", "default: engagement"))

    got = [(event.engaged_ms, event.scroll_pct) for event in worker.spooled.events]
    assert got == [(559, 29), (4417, 54)]


def send(
    worker: WorkerProcess, body: Mapping[str, Any], *lines: str
) -> tuple[int, str | None]:
    """Return the status and the drop header of the answer."""
    text = json.dumps({**VIEW, **body}).encode()
    got = ask(worker.port, request("POST", "/api/event", text, *lines))
    return got.status, got.headers.get("x-plausible-dropped")


def test_sites_are_named_by_domain_and_drops_are_reported(
    worker: WorkerProcess,
) -> None:
    assert send(worker, {}) == (202, None)
    assert send(worker, {"d": "www.shop.example"}) == (202, None)
    assert send(worker, {"d": "shop.example,all.example"}) == (202, None)
    assert send(worker, {"u": "https://evil.example/"}) == (202, "1")
    assert send(worker, {"d": "all.example"}) == (400, None)

    assert len(worker.spooled.events) == 3
    assert dropped(worker) == {
        ("shop", "foreign_origin"): 1,
        ("(unknown)", "unknown_site"): 2,
    }


def test_a_link_property_contains_no_page_address(
    worker: WorkerProcess,
) -> None:
    link = {"url": "https://other.example/reset/abc?token=canary"}
    send(worker, {"n": "Outbound Link: Click", "p": link})

    [event] = worker.spooled.events
    assert (event.name, event.props) == ("outbound", '{"host":"other.example"}')


def test_a_forwarded_address_counts_only_from_trusted_proxies(
    tmp_path: Path,
) -> None:
    proxy = {"client_ip": "xff", "trusted_proxies": ["127.0.0.1"]}
    with WorkerProcess(tmp_path, proxy=proxy) as worker:
        for last in (1, 2, 2):
            send(worker, {}, f"X-Forwarded-For: 203.0.113.{last}")
        visitors = {event.visitor for event in worker.spooled.events}

    assert len(visitors) == 2
