"""Captured Umami requests give the right events in a real worker."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.proxy.protocols.replay import Stored, captured, dropped, replay, stored
from tests.proxy.protocols.test_umami import KEPT, PAGE, VIEW, WEBSITE, event
from tests.proxy.transport.raw_http import USER_AGENT, RawResponse, ask, get, request
from tests.proxy.worker_process import WorkerProcess

SECRET = "made-up-secret-7731"  # noqa: S105 - made up here
# All personal values in the captures, and values that no URL should contain.
PERSONAL = (
    *(b"ada@", b"ada%40", b"Ada Example", b"7946 0000", b"user-42", b"203.0.113.9"),
    *(b"s3cr3t", b"session=abc", b"article", b"order-1001", b"reviews", b"Bearer"),
)
SITE = {
    "keys": [WEBSITE, "wire-key-1"],
    "secret_keys": [f"sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}"],
    "props_allow": ["plan", "seats", "index", "email", "name"],
}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    with WorkerProcess(tmp_path, site=SITE, proxy={"max_events": 5}) as worker:
        yield worker


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker for tests that do not count stored rows."""
    with WorkerProcess(tmp_path_factory.mktemp("umami"), site=SITE) as worker:
        yield worker


BLUE_MUG = "/products/blue-mug"


def counted(*rows: tuple[str, str | None, int], value: int = 5990) -> Counter[Stored]:
    """Return the expected events from names, paths and counts."""
    return Counter(
        {
            Stored(
                name, path, *((value, "EUR") if "order" in name else (None, None))
            ): count
            for name, path, count in rows
        }
    )


SCRIPT = counted(
    ("pageview", BLUE_MUG, 1),
    ("Signup Clicked", BLUE_MUG, 1),
    ("order_placed", BLUE_MUG, 1),
    ("Batch Item", BLUE_MUG, 5),
    ("pageview", "/checkout", 1),
    ("Page Left", "/checkout", 1),
)
NODE = counted(
    ("pageview", BLUE_MUG, 1),
    ("Signup Clicked", BLUE_MUG, 1),
    ("order_placed", BLUE_MUG, 1),
    ("Batch Item", None, 5),
)
PYTHON = counted(
    ("pageview", BLUE_MUG, 1),
    ("Signup Clicked", BLUE_MUG, 1),
    ("order_placed", BLUE_MUG, 1),
    ("Batch Item", "/", 5),
)


@pytest.mark.parametrize(
    ("client", "expected", "drops", "visitors"),
    [
        pytest.param(
            "umami-script",
            SCRIPT,
            {("shop", "identity"): 1, ("shop", "automatic"): 2},
            1,
            id="script 3.1",
        ),
        pytest.param("umami-node", NODE, {("shop", "identity"): 1}, 1, id="Node 0.4"),
        pytest.param("umami-python", PYTHON, {}, 0, id="Python 1.0"),
    ],
)
def test_each_captured_event_is_counted_once_without_personal_data(
    worker: WorkerProcess,
    client: str,
    expected: Counter[Stored],
    drops: Mapping[tuple[str, str], int],
    visitors: int,
) -> None:
    answers = replay(worker, captured(client), prefix="/stats")

    posted = [answer for answer in answers if answer.status != 204]
    assert {answer.status for answer in posted} == {200}
    assert [answer.json for answer in posted] == [KEPT] * len(posted)
    assert Counter(stored(worker)) == expected
    assert dropped(worker) == drops
    events = worker.spooled.events
    assert len({event.visitor for event in events} - {None}) == visitors
    assert {event.protocol for event in events} == {"umami"}
    written = worker.written()
    assert [value for value in PERSONAL if value in written] == []
    # Only a part of the first name: hex ids of the spool could spell all of it.
    assert "ada" not in repr(events).lower()
    assert USER_AGENT.encode() not in written


def test_a_preflight_allows_the_cache_token_header(shared: WorkerProcess) -> None:
    first, second = replay(shared, captured("umami-script", "performance: preflight"))

    assert (first.status, second.status) == (204, 204)
    assert (
        second.headers["access-control-allow-headers"] == "content-type,x-umami-cache"
    )
    assert second.headers["access-control-allow-origin"].startswith(
        "http://shop.example"
    )


def send(
    worker: WorkerProcess,
    body: object,
    *lines: str,
    path: str = "/api/send",
    agent: str = USER_AGENT,
) -> RawResponse:
    text = json.dumps(body).encode()
    return ask(worker.port, request("POST", path, text, *lines, agent=agent))


def test_responses_do_not_identify_visitors(
    shared: WorkerProcess,
) -> None:
    old = {"website": WEBSITE, "id": "user-42", "url": PAGE}
    answers = [
        send(shared, event(VIEW)),
        send(shared, event({**old, "name": "Plan Chosen"}), "x-umami-cache: other"),
        send(shared, event(old), agent=f"{USER_AGENT} Other"),
    ]

    assert len({answer.body for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
    assert "set-cookie" not in answers[0].headers


def test_a_batch_stores_good_members_counts_bad_ones_and_is_bounded(
    worker: WorkerProcess,
) -> None:
    other = event({**VIEW, "website": "another"})
    got = send(
        worker,
        [event(VIEW), event({**VIEW, "name": 7}), 7, other, event(VIEW)],
        path="/api/batch",
    )
    refused = send(worker, [event(VIEW)] * 6, path="/api/batch")

    assert (got.status, got.json["processed"], got.json["errors"]) == (200, 2, 3)
    assert refused.status == 400
    assert len(worker.spooled.events) == 2
    assert dropped(worker) == {
        ("shop", "malformed"): 1,
        ("(unknown)", "malformed"): 1,
        ("(unknown)", "unknown_site"): 1,
    }


def test_a_bot_gets_the_vendor_response_and_an_unknown_site_an_error(
    worker: WorkerProcess,
) -> None:
    assert send(worker, event(VIEW), agent="curl/8.5.0").json == {"beep": "boop"}
    assert send(worker, event({**VIEW, "website": "another"})).status == 400
    assert send(worker, event(VIEW), "Cookie: noanalytics=1").json == {"disabled": True}
    assert worker.spooled.events == []


@pytest.mark.parametrize(
    ("named", "visitors"),
    [
        pytest.param({}, 0, id="nobody"),
        pytest.param({"ip": "203.0.113.9"}, 0, id="an address alone"),
        pytest.param({"ip": "203.0.113.9", "userAgent": USER_AGENT}, 1, id="somebody"),
    ],
)
@pytest.mark.parametrize("by", ["website", "header"])
def test_a_server_with_the_secret_key_names_a_visitor(
    shared: WorkerProcess, named: Mapping[str, str], visitors: int, by: str
) -> None:
    website = SECRET if by == "website" else WEBSITE
    lines = [f"Authorization: Bearer {SECRET}"] if by == "header" else []
    got = send(shared, event({**VIEW, "website": website, **named}), *lines)

    assert got.status == 200
    *_, last = shared.spooled.events
    assert last.server
    assert len({last.visitor} - {None}) == visitors
    assert SECRET.encode() not in shared.written()


def test_without_the_secret_key_a_named_visitor_is_ignored(
    worker: WorkerProcess,
) -> None:
    for last in (1, 2):
        named = {"ip": f"203.0.113.{last}", "userAgent": f"{USER_AGENT} {last}"}
        send(worker, event({**VIEW, **named}))

    assert len({event.visitor for event in worker.spooled.events}) == 1


def test_version_1_gets_a_constant_token(worker: WorkerProcess) -> None:
    view = {"website": WEBSITE, "hostname": "shop.example", "url": "/p/42?x=1"}
    chosen = {**view, "event_name": "Plan Chosen", "event_data": {"plan": "pro"}}
    answers = [
        send(worker, event(view, "pageview"), path="/api/collect"),
        send(worker, event(chosen), path="/api/collect"),
    ]

    assert [(answer.status, answer.body) for answer in answers] == [
        (200, b"millpond")
    ] * 2
    got = [(event.name, event.path, event.props) for event in worker.spooled.events]
    assert got == [
        ("pageview", "/p/42", None),
        ("Plan Chosen", "/p/42", '{"plan":"pro"}'),
    ]


def test_the_vendor_script_is_not_served(shared: WorkerProcess) -> None:
    got = ask(shared.port, get("/stats/script.js"))

    assert got.status == 404
    assert "data-host-url" in got.json["error"]


def test_the_own_tag_can_be_served_at_the_vendor_script_path(
    tmp_path: Path,
) -> None:
    proxy = {"tag_path": "/script.js"}
    with WorkerProcess(tmp_path, proxy=proxy) as worker:
        got = ask(worker.port, get("/script.js"))

    assert (got.status, got.headers["content-type"]) == (
        200,
        "text/javascript; charset=utf-8",
    )
