"""A large body is read beside other requests, and gets the answers of a small one."""

import gzip
import json
from pathlib import Path

import pytest

from tests.proxy.transport.raw_http import RawResponse, ask, request
from tests.proxy.worker_process import WorkerProcess

KEY = "wire-key-1"
CALL = {"type": "track", "event": "Plan Chosen", "messageId": "m-{}"}


@pytest.fixture
def worker(tmp_path: Path) -> WorkerProcess:
    """Return a worker whose site has a key of Segment's clients."""
    return WorkerProcess(tmp_path, site={"keys": [KEY]})


def send(worker: WorkerProcess, body: bytes, *lines: str) -> RawResponse:
    return ask(worker.port, request("POST", "/v1/batch", body, *lines))


def test_a_large_body_is_answered_like_a_small_one(worker: WorkerProcess) -> None:
    many = [CALL | {"messageId": f"m-{number}"} for number in range(400)]
    body = json.dumps({"writeKey": KEY, "batch": many}).encode()
    packed = gzip.compress(
        json.dumps({"writeKey": KEY, "batch": [[]] * 900_000}).encode()
    )
    with worker:
        answers = [
            send(worker, body),
            send(worker, b"[" + b" " * 20_000),
            send(worker, packed, "Content-Encoding: gzip"),
        ]

        assert [answer.status for answer in answers] == [200, 400, 400]
        assert len(worker.spooled.events) == 400
    assert "request_failed" not in worker.words
