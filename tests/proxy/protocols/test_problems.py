"""Each status that a vendor's path can answer has the fields that its clients read."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
import pytest

from proxy.protocols.registry import PROTOCOLS
from proxy.transport.problems import any_problem, own_problem
from tests.proxy.transport.raw_http import RawResponse, ask, event, get, request
from tests.proxy.worker.test_durability import limit_files
from tests.proxy.worker_process import WorkerProcess

SITE = {"keys": ["key"]}
PROXY = {"max_body_bytes": 4_096}
VIEW = b'{"n":"pageview","d":"key","u":"https://shop.example/"}'
KNOWN = b'{"type":"event","payload":{"website":"key","url":"https://shop.example/"}}'
CALL = b'{"writeKey":"key","type":"track","event":"x","anonymousId":"a"}'
POSTHOG = b'{"api_key":"key","event":"x","distinct_id":"a"}'
MIXPANEL = b'{"event":"x","properties":{"token":"key","distinct_id":"a"}}'


def reads_mixpanel(fields: Any) -> bool:
    """Whether Python and Node can read the error, and see that it is one."""
    return fields["status"] != 1 and isinstance(fields["error"], str)


def reads_posthog(fields: Any) -> bool:
    return isinstance(fields["detail"], str)


def reads_segment(fields: Any) -> bool:
    return isinstance(fields["code"], str) and isinstance(fields["message"], str)


def reads_umami(fields: Any) -> bool:
    return isinstance(fields["error"]["message"], str)


def reads_google(fields: Any) -> bool:
    return isinstance(fields["error"]["message"], str)


def reads_millpond(fields: Any) -> bool:
    return isinstance(fields["error"], str)


class Vendor(NamedTuple):
    """A path of a vendor, an event for it, and what its clients read of an error."""

    path: str
    body: bytes
    reads: Callable[[Any], bool]


VENDORS = {
    "native": Vendor("/v1/events", b'{"site":"shop"}', reads_millpond),
    "plausible": Vendor("/api/event", VIEW, reads_millpond),
    "umami": Vendor("/api/send", KNOWN, reads_umami),
    "umami, batch": Vendor("/api/batch", b"[" + KNOWN + b"]", reads_umami),
    "posthog": Vendor("/batch/", POSTHOG, reads_posthog),
    "posthog, version 1": Vendor(
        "/i/v1/analytics/events",
        b'{"batch":[{"event":"x","distinct_id":"a","api_key":"key"}]}',
        reads_posthog,
    ),
    "mixpanel": Vendor("/track?verbose=1", MIXPANEL, reads_mixpanel),
    "mixpanel, import": Vendor(
        "/import?verbose=1", b"[" + MIXPANEL + b"]", reads_mixpanel
    ),
    "posthog on a shared path": Vendor("/engage/", POSTHOG, reads_posthog),
    "segment": Vendor("/v1/t", CALL, reads_segment),
    "rudderstack": Vendor("/v1/batch", b'{"batch":[' + CALL + b"]}", reads_segment),
    "rudderstack, beacon": Vendor(
        "/beacon/v1/batch", b'{"batch":[' + CALL + b"]}", reads_segment
    ),
    "ga4": Vendor(
        "/mp/collect?measurement_id=key",
        b'{"client_id":"1.2","events":[{"name":"x"}]}',
        reads_google,
    ),
}


def malformed(vendor: Vendor) -> bytes:
    return event(body=b'{"', path=vendor.path)


def wrong_method(vendor: Vendor) -> bytes:
    return request("PUT", vendor.path, vendor.body)


def too_large(vendor: Vendor) -> bytes:
    return event(body=vendor.body.ljust(5_000), path=vendor.path)


def too_large_in_parts(vendor: Vendor) -> bytes:
    return event("Content-Length: 9000000", body=vendor.body, path=vendor.path)


def encoded_as_brotli(vendor: Vendor) -> bytes:
    return event("Content-Encoding: br", body=vendor.body, path=vendor.path)


STATUSES = {
    HTTPStatus.BAD_REQUEST: malformed,
    HTTPStatus.METHOD_NOT_ALLOWED: wrong_method,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: too_large,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: encoded_as_brotli,
}
# Google answers every readable or unreadable body with 204, and so do we. A shared path
# answers an unreadable body as Mixpanel does.
OTHERWISE = {
    ("ga4", HTTPStatus.BAD_REQUEST),
    ("posthog on a shared path", HTTPStatus.BAD_REQUEST),
}
CELLS = [
    pytest.param(VENDORS[name], status, id=f"{name}-{status.value}")
    for name in VENDORS
    for status in STATUSES
    if (name, status) not in OTHERWISE
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker in its own process."""
    folder = tmp_path_factory.mktemp("worker")
    with WorkerProcess(folder, proxy=PROXY, site=SITE) as worker:
        yield worker


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker that can write nothing."""
    folder = tmp_path_factory.mktemp("full")
    with WorkerProcess(folder, proxy=PROXY, site=SITE) as worker:
        limit_files(worker, 0)
        yield worker


def check(got: RawResponse, status: HTTPStatus, vendor: Vendor) -> None:
    """Check the status, and that the vendor's clients can read the error."""
    assert got.status == status
    assert got.headers["content-type"].startswith("application/json")
    assert vendor.reads(got.json), got.body


@pytest.mark.parametrize(("vendor", "status"), CELLS)
def test_a_refused_request_gets_the_vendors_words(
    running: WorkerProcess, vendor: Vendor, status: HTTPStatus
) -> None:
    check(ask(running.port, STATUSES[status](vendor)), status, vendor)


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_a_body_that_is_still_arriving_is_refused_alike(
    running: WorkerProcess, vendor: Vendor
) -> None:
    got = ask(running.port, too_large_in_parts(vendor))

    check(got, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, vendor)


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_events_that_cannot_be_kept_get_the_vendors_words(
    full: WorkerProcess, vendor: Vendor
) -> None:
    lines = ["Origin: https://shop.example"]
    got = ask(full.port, event(*lines, body=vendor.body, path=vendor.path))

    check(got, HTTPStatus.SERVICE_UNAVAILABLE, vendor)
    assert got.headers["retry-after"] == "2"
    # Without this, a script on a page of another host does not see the time.
    assert got.headers["access-control-expose-headers"] == "Retry-After"


def test_an_unknown_path_answers_in_the_words_of_all(running: WorkerProcess) -> None:
    fields = ask(running.port, get("/trak")).json

    assert reads_mixpanel(fields)
    assert reads_posthog(fields)
    assert reads_segment(fields)
    assert reads_millpond(fields)


def test_each_protocol_writes_each_status() -> None:
    writers = {protocol.problem for protocol in PROTOCOLS} | {own_problem, any_problem}
    for write in writers:
        for status in (*STATUSES, HTTPStatus.INTERNAL_SERVER_ERROR):
            body = write(status, "what is wrong")

            assert b"what is wrong" in msgspec.json.encode(msgspec.json.decode(body))
