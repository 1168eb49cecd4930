"""GA4's debug path names what would be dropped and why, and keeps nothing of it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.transport.raw_http import USER_AGENT, ask, event, get
from tests.proxy.worker_process import WorkerProcess

SECRET = "shop-secret"  # noqa: S105 - of this test
SITE = {
    "keys": ["G-SHOP"],
    "secret_keys": [f"sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}"],
}
KEYS = f"measurement_id=G-SHOP&api_secret={SECRET}"
PAGE = {"page_location": "https://shop.example/p/42"}
PERSON = {"ip_override": "203.0.113.7", "user_agent": USER_AGENT}
GOOD = {"name": "page_view", "params": PAGE}
PURCHASE = {"transaction_id": "1", "currency": "EUR", "value": "a lot"}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker in its own process."""
    with WorkerProcess(tmp_path_factory.mktemp("ga4"), site=SITE) as worker:
        yield worker


def messages(
    worker: WorkerProcess,
    events: list[Any],
    query: str = KEYS,
    *lines: str,
    **body: Any,
) -> list[tuple[str, str]]:
    """Return field and reason of each message of the debug path."""
    sent = json.dumps({"client_id": "1.2", **PERSON, **body, "events": events}).encode()
    got = ask(worker.port, event(*lines, body=sent, path=f"/debug/mp/collect?{query}"))
    assert got.status == 200
    found = got.json["validationMessages"]
    assert all(message["validationCode"] for message in found)
    return [
        (
            message["fieldPath"],
            message["description"]
            .removeprefix("would be dropped as ")
            .partition(":")[0],
        )
        for message in found
    ]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        pytest.param(GOOD, [], id="nothing"),
        pytest.param({"name": "page_view"}, [("events[1]", "bad_page")], id="no page"),
        pytest.param(
            {
                "name": "page_view",
                "params": {"page_location": "https://other.example/"},
            },
            [("events[1]", "foreign_origin")],
            id="a page of another host",
        ),
        pytest.param(
            {"name": "purchase", "params": {**PAGE, **PURCHASE}},
            [("events[1]", "bad_order")],
            id="an amount that is not exact",
        ),
        pytest.param(
            {"name": "session_start"}, [("events[1]", "automatic")], id="automatic"
        ),
        pytest.param(
            {"name": "no name!"},
            [("events[1].name", "this is not a valid event name")],
            id="a mistake of the body, once",
        ),
    ],
)
def test_each_event_that_would_be_dropped_has_its_reason(
    worker: WorkerProcess, bad: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert messages(worker, [GOOD, bad]) == expected


def test_an_unknown_key_is_named_once(worker: WorkerProcess) -> None:
    got = messages(worker, [GOOD, GOOD], "measurement_id=G-OTHER&api_secret=x")

    assert got == [("measurement_id", "unknown_site")]


def test_a_bot_and_an_objection_are_named(worker: WorkerProcess) -> None:
    bot = messages(worker, [GOOD], user_agent="Googlebot/2.1")
    objection = messages(worker, [GOOD], KEYS, "Cookie: noanalytics=1")

    assert bot == [("events[0]", "bot")]
    assert objection == [("events[0]", "opt_out")]


def test_nothing_of_the_debug_path_is_kept(tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, site=SITE) as quiet:
        for events in ([GOOD], [{"name": "page_view"}], [{"name": "session_start"}]):
            messages(quiet, events)
        messages(quiet, [GOOD], "measurement_id=G-OTHER")
        assert ask(quiet.port, get("/readyz")).status == 200

        assert quiet.stop() == 0
    assert (quiet.spooled.events, quiet.spooled.drops) == ([], [])
    assert b"G-OTHER" not in quiet.written()
