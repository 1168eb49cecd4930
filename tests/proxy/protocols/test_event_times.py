"""In every protocol with times of events, an event of years ago is refused by name.

The answer is one after which no client sends the event again.
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from tests.proxy.protocols.replay import UNSEALED, SharedWorker, dropped
from tests.proxy.transport.raw_http import ask, request
from tests.proxy.worker_process import WorkerProcess

PAGE = "https://shop.example/p"
V1_UUID = "01a203bb-4133-7c28-ba05-de830490e6f7"


class Call(NamedTuple):
    """One event in a protocol: its path, its body for a time, and its answers.

    *answer* is a part of the answer to an event of another time.
    """

    path: str
    body: Any
    status: int = 200
    answer: str = ""

    def wire(self, at: object) -> bytes:
        """Return the request with *at* as the time of its event."""
        text = json.dumps(self.body).replace('"AT"', json.dumps(at))
        return request("POST", self.path, text.encode())


CALLS: Mapping[str, Call] = {
    "native": Call(
        "/v1/events",
        {"site": "shop", "url": PAGE, "at": "AT"},
        202,
        '{"accepted":0,"dropped":{"REASON":1}}',
    ),
    "Segment": Call(
        "/v1/track",
        {"writeKey": "key", "event": "a", "userId": "7", "timestamp": "AT"},
        answer='"success": true',
    ),
    "RudderStack": Call(
        "/v1/batch",
        {
            "writeKey": "key",
            "batch": [
                {
                    "type": "track",
                    "event": "a",
                    "userId": "7",
                    "originalTimestamp": "AT",
                }
            ],
        },
    ),
    "PostHog": Call(
        "/batch/",
        {
            "api_key": "key",
            "historical_migration": True,
            "batch": [{"event": "a", "timestamp": "AT", "properties": {}}],
        },
        answer='"status":"Ok"',
    ),
    "PostHog, version 1": Call(
        "/i/v1/analytics/events",
        {
            "api_key": "key",
            "batch": [
                {"event": "a", "timestamp": "AT", "uuid": V1_UUID, "distinct_id": "7"}
            ],
        },
        answer='"drop","details":"not kept: REASON"',
    ),
    "Mixpanel": Call(
        "/track?verbose=1",
        [{"event": "a", "properties": {"token": "key", "time": "AT"}}],
        answer='"1 events are too old or have a wrong time"',
    ),
    "Mixpanel, import": Call(
        "/import?strict=1",
        [{"event": "a", "properties": {"token": "key", "time": "AT"}}],
        400,
        '"message":"REASON"',
    ),
    "Umami": Call(
        "/api/send",
        {
            "type": "event",
            "payload": {"website": "key", "url": PAGE, "timestamp": "AT"},
        },
        400,
        '"the timestamp is ',
    ),
    "GA4": Call(
        "/mp/collect?measurement_id=key",
        {"client_id": "7", "timestamp_micros": "AT", "events": [{"name": "a"}]},
        204,
    ),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Run a worker whose site has a public key."""
    folder = tmp_path_factory.mktemp("worker")
    with WorkerProcess(folder, site={"keys": ["key"]}, spool=UNSEALED) as worker:
        yield worker


@pytest.mark.parametrize("protocol", CALLS)
@pytest.mark.parametrize(
    ("at", "micros", "reason"),
    [
        pytest.param("1997-11-22T10:00:00Z", 880_192_800e6, "too_old", id="1997"),
        pytest.param("2097-11-22T10:00:00Z", 4_036_039_200e6, "bad_time", id="2097"),
        pytest.param("22.11.2026", "22.11.2026", "bad_time", id="unreadable"),
    ],
)
def test_an_event_of_another_time_is_refused_by_name(
    running: WorkerProcess, protocol: str, at: str, micros: object, reason: str
) -> None:
    worker, call = SharedWorker(running), CALLS[protocol]

    got = ask(worker.port, call.wire(micros if protocol == "GA4" else at))

    assert got.status == call.status
    assert call.answer.replace("REASON", reason) in got.body.decode()
    assert dropped(worker) == {("shop", reason): 1}
    assert worker.spooled.events == []


@pytest.mark.parametrize("protocol", CALLS)
@pytest.mark.parametrize("ahead_s", [-3_600, 3_600], ids=["slow", "fast"])
def test_a_clock_that_is_an_hour_off_is_accepted(
    running: WorkerProcess, protocol: str, ahead_s: int
) -> None:
    worker = SharedWorker(running)
    now_s = int(time.time())  # noqa: TID251 - the worker has the machine's clock
    at = now_s + ahead_s

    got = ask(
        worker.port, CALLS[protocol].wire(at * 10**6 if protocol == "GA4" else at)
    )

    assert got.status in (200, 202, 204)
    [event] = worker.spooled.events
    assert event.at <= now_s + 60
    assert dropped(worker) == {}
