"""All vendor routes share body limits, encodings and the reason header."""

import gzip
from collections.abc import Iterator

import pytest
from multidict import CIMultiDict

from proxy.protocols.protocol import VendorRequest
from tests.proxy.transport.raw_http import ask, event, get
from tests.proxy.worker_process import WorkerProcess

BATCH = b'{"api_key":"pk-1","batch":[{"event":"$autocapture","distinct_id":"a"}]}'
MANY = b'{"api_key":"pk-1","batch":[%s]}' % b",".join([b'{"event":"a"}'] * 4)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    proxy = {"debug_header": True, "max_events": 3, "max_inflated_bytes": 2_000}
    folder = tmp_path_factory.mktemp("vendors")
    with WorkerProcess(folder, proxy=proxy, site={"keys": ["pk-1"]}) as worker:
        yield worker


@pytest.mark.parametrize(
    ("body", "lines", "status"),
    [
        pytest.param(BATCH, [], 200, id="plain"),
        pytest.param(gzip.compress(BATCH), [], 200, id="gzip with no sign"),
        pytest.param(gzip.compress(BATCH), ["Content-Encoding: gzip"], 200, id="gzip"),
        pytest.param(BATCH, ["Content-Encoding: gzip"], 200, id="only called so"),
        pytest.param(BATCH, ["Content-Encoding: br"], 415, id="another encoding"),
        pytest.param(BATCH, ["Content-Encoding: gzip, gzip"], 415, id="twice"),
        pytest.param(gzip.compress(bytes(2_001)), [], 413, id="unpacks too far"),
        pytest.param(MANY, [], 400, id="too many"),
    ],
)
def test_a_body_is_accepted_within_its_bounds(
    worker: WorkerProcess, body: bytes, lines: list[str], status: int
) -> None:
    got = ask(worker.port, event(*lines, body=body, path="/any/batch/"))

    assert got.status == status


def test_the_reason_header_names_why_a_hit_was_dropped(worker: WorkerProcess) -> None:
    got = ask(worker.port, event(body=BATCH, path="/batch/"))

    assert got.headers["x-millpond"] == "dropped automatic"


def test_a_preflight_needs_no_key(worker: WorkerProcess) -> None:
    lines = [
        "Origin: https://shop.example",
        "Access-Control-Request-Headers: authorization",
    ]

    got = ask(worker.port, get("/collect/v1/t", *lines, method="OPTIONS"))

    assert got.status == 204
    assert got.headers["access-control-allow-headers"] == "authorization"
    assert got.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SentAt", "2026-11-23"),
        ("Cookie", None),
        ("User-Agent", None),
        ("x-forwarded-for", None),
        ("Forwarded", None),
        ("CF-Connecting-IP", None),
    ],
)
def test_a_protocol_gets_no_sender_data(name: str, expected: str | None) -> None:
    everything = {
        "SentAt": "2026-11-23",
        "Cookie": "login=ada",
        "User-Agent": "Mozilla",
        "X-Forwarded-For": "203.0.113.77",
        "Forwarded": "for=203.0.113.77",
        "CF-Connecting-IP": "203.0.113.77",
    }
    request = VendorRequest("POST", "/e", "", CIMultiDict(everything), b"")

    assert request.header(name) == expected
