"""Events reach Millpond through all failures: none is lost, and none counts twice.

If they cannot, memory and time are bounded, and lost events are counted.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.medusa.analytics_module import Analytics, Values
from tests.clients.medusa.conftest import KEY
from tests.clients.medusa.faulty_gateway import (
    ANSWER_LOST,
    CUT,
    NEVER,
    Gateway,
    Trouble,
)
from tests.clients.medusa.shared_millpond import Millpond
from tests.waiting import wait_until

# The first test of a process also compiles the provider and loads Medusa.
pytestmark = pytest.mark.timeout(300)

BUSY: Trouble = (503, {})


@pytest.fixture
def gateway(millpond: Millpond) -> Iterator[Gateway]:
    """Yield a gateway in front of the worker."""
    with Gateway(millpond.port) as running:
        yield running


def numbered(first: int, last: int) -> list[Values]:
    """Return events with different orders."""
    return [
        {"event": "order.placed", "properties": {"order_id": f"order {number}"}}
        for number in range(first, last)
    ]


def begin(analytics: Analytics, port: int, **options: Any) -> None:
    """Load the module with a host on *port*."""
    analytics.start(f"http://127.0.0.1:{port}/stats/", KEY, **options)


def test_events_survive_a_millpond_restart(
    analytics: Analytics, millpond: Millpond
) -> None:
    begin(analytics, millpond.port, flushAt=7)
    analytics.track(*numbered(0, 100))
    wait_until(lambda: millpond.events, "the first events")
    millpond.worker.stop()
    analytics.track(*numbered(100, 200))
    millpond.worker.start()
    analytics.track(*numbered(200, 300))
    wait_until(lambda: len(millpond.messages) == 300, "all events")
    analytics.shutdown()
    messages = millpond.messages

    assert len({order for _, order in messages}) == len(messages) == 300
    assert analytics.warnings == []


@pytest.mark.parametrize(
    "troubles",
    [
        pytest.param([BUSY, BUSY], id="busy"),
        pytest.param([(408, {}), (429, {}), (500, {})], id="other passing troubles"),
        pytest.param([CUT], id="cut before"),
        pytest.param([ANSWER_LOST, ANSWER_LOST], id="cut after"),
        pytest.param([(200, {})], id="a page that answers 200 to every path"),
    ],
)
def test_a_retry_sends_the_same_bytes(
    analytics: Analytics, millpond: Millpond, gateway: Gateway, troubles: list[Any]
) -> None:
    gateway.troubles = list(troubles)
    begin(analytics, gateway.port)
    analytics.track(*numbered(0, 20))
    wait_until(lambda: len(gateway.bodies) > len(troubles), "the last try")
    analytics.shutdown()

    assert len(gateway.bodies) == len(troubles) + 1
    assert len(set(gateway.bodies)) == 1
    assert len(millpond.messages) == 20
    # After a lost answer the same messages came again, to be counted once.
    times = 1 + troubles.count(ANSWER_LOST)
    assert set(millpond.messages.values()) == {times}
    assert analytics.warnings == []


@pytest.mark.parametrize("status", [400, 401, 404, 415, 307])
def test_a_permanent_failure_is_not_retried(
    analytics: Analytics, millpond: Millpond, gateway: Gateway, status: int
) -> None:
    away = {"Location": f"http://127.0.0.1:{millpond.port}/v1/events"}
    gateway.troubles = [(status, away)]
    begin(analytics, gateway.port)
    analytics.track(*numbered(0, 2))
    analytics.shutdown()

    assert len(gateway.bodies) == 1
    assert millpond.events == []
    assert [line.split(";")[0] for line in analytics.warnings] == [
        f"millpond: 2 events lost: the answer was {status}"
    ]


def test_retry_after_delays_the_next_attempt(
    analytics: Analytics, millpond: Millpond, gateway: Gateway
) -> None:
    gateway.troubles = [(503, {"Retry-After": "2"})]
    begin(analytics, gateway.port)
    began = time.monotonic()
    analytics.track(*numbered(0, 1))
    wait_until(lambda: millpond.messages, "the event")

    assert time.monotonic() - began > 2
    analytics.shutdown()


def test_a_batch_that_is_too_large_is_split_in_halves(
    analytics: Analytics, millpond: Millpond, gateway: Gateway
) -> None:
    gateway.troubles = [(413, {}), (413, {})]
    begin(analytics, gateway.port)
    analytics.track(*numbered(0, 8))
    analytics.shutdown()

    assert [len(batch) for batch in gateway.sent] == [8, 4, 2, 2, 4]
    assert set(millpond.messages.values()) == {1}
    assert len(millpond.messages) == 8


def test_a_batch_has_at_most_flush_at_events_and_fits_the_usual_limit(
    analytics: Analytics, millpond: Millpond, gateway: Gateway
) -> None:
    wide = {f"prop {number}": "x" * 200 for number in range(100)}
    begin(analytics, gateway.port, flushAt=20)
    analytics.track(*[{"event": "a", "properties": wide}] * 30, *numbered(0, 60))
    analytics.shutdown()

    assert max(len(body) for body in gateway.bodies) < 262_144
    assert max(len(batch) for batch in gateway.sent) == 20
    assert len(millpond.events) == 90


def test_a_full_queue_drops_and_counts_the_oldest_events(
    analytics: Analytics, gateway: Gateway
) -> None:
    gateway.troubles = [(503, {"Retry-After": "30"})]
    begin(analytics, gateway.port, flushAt=5, maxQueue=10)
    analytics.track(*numbered(0, 5))
    wait_until(lambda: gateway.bodies, "the batch on its way")
    analytics.track(*numbered(5, 100))
    analytics.shutdown()
    order_ids = [event["order"]["id"] for batch in gateway.sent[1:] for event in batch]

    # The batch in flight, and the ten newest events.
    assert order_ids == [f"order {number}" for number in [*range(5), *range(90, 100)]]
    assert analytics.warnings == [
        "millpond: 1 event refused, the oldest first: maxQueue is reached",
        "millpond: 84 events refused, the oldest first: maxQueue is reached",
    ]


def test_retries_are_bounded(
    analytics: Analytics, millpond: Millpond, gateway: Gateway
) -> None:
    gateway.troubles = [BUSY, BUSY, BUSY]
    begin(analytics, gateway.port, maxRetries=1)
    analytics.track(*numbered(0, 3))
    wait_until(lambda: len(gateway.bodies) == 2, "the second try")
    analytics.shutdown()

    assert len(gateway.bodies) == 2
    assert millpond.events == []
    assert analytics.warnings == ["millpond: 3 events lost: the answer was 503"]


def test_a_shutdown_sends_waiting_events(
    analytics: Analytics, millpond: Millpond
) -> None:
    begin(analytics, millpond.port, flushIntervalMs=60_000, flushAt=1_000)
    analytics.track(*numbered(0, 50))
    assert millpond.events == []
    analytics.shutdown()

    assert len(millpond.messages) == 50
    analytics.track({"event": "too late"})
    assert len(millpond.events) == 50
    assert analytics.warnings[0].endswith("came after the shutdown and were not sent")


def test_a_shutdown_retries_once_at_once(
    analytics: Analytics, millpond: Millpond, gateway: Gateway
) -> None:
    gateway.troubles = [(503, {"Retry-After": "60"})]
    begin(analytics, gateway.port)
    analytics.track(*numbered(0, 2))
    wait_until(lambda: gateway.bodies, "the first try")
    analytics.shutdown()

    assert len(millpond.messages) == 2


def test_a_shutdown_is_bounded_and_counts_lost_events(
    analytics: Analytics, gateway: Gateway
) -> None:
    gateway.troubles = [BUSY] * 1_000
    begin(analytics, gateway.port, flushAt=3, shutdownTimeoutMs=300)
    analytics.track(*numbered(0, 9))
    began = time.monotonic()
    analytics.shutdown()

    assert time.monotonic() - began < 3
    lost = [line for line in analytics.warnings if "lost" in line]
    assert sum(int(line.split()[1]) for line in lost) == 9


def test_a_request_without_a_response_times_out(
    analytics: Analytics, millpond: Millpond, gateway: Gateway
) -> None:
    gateway.troubles = [NEVER]
    begin(analytics, gateway.port, timeoutMs=1_000)
    analytics.track(*numbered(0, 2))
    wait_until(lambda: len(millpond.messages) == 2, "another try")
    analytics.shutdown()

    assert len(gateway.bodies) > 1


def test_the_key_and_the_client_name_are_only_in_headers(
    analytics: Analytics, gateway: Gateway
) -> None:
    begin(analytics, gateway.port)
    analytics.track(*numbered(0, 1))
    analytics.shutdown()
    (headers,) = gateway.headers

    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["user-agent"] == "millpond-medusa/0.1.0"
    assert KEY.encode() not in gateway.bodies[0]
