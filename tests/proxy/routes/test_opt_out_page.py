"""A visitor can object without JavaScript, is not counted, and can undo it."""

import re
from collections.abc import Iterator

import pytest

from tests.proxy.transport.raw_http import RawResponse, ask, event, get, request
from tests.proxy.worker_process import WorkerProcess

OPTED_OUT = "Cookie: theme=dark; noanalytics=1"
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    with WorkerProcess(tmp_path_factory.mktemp("opt_out")) as worker:
        yield worker


def post(worker: WorkerProcess, body: bytes, *lines: str) -> RawResponse:
    return ask(worker.port, request("POST", "/optout", body, FORM, *lines))


def test_the_page_shows_the_state_and_offers_the_other(worker: WorkerProcess) -> None:
    counted = ask(worker.port, get("/optout"))
    objected = ask(worker.port, get("/optout", OPTED_OUT))

    assert (counted.status, objected.status) == (200, 200)
    assert b"Your visits are counted." in counted.body
    assert b'value="out"' in counted.body
    assert b"You are not counted." in objected.body
    assert b'value="in"' in objected.body


def test_the_page_loads_nothing_and_is_not_cached(worker: WorkerProcess) -> None:
    answer = ask(worker.port, get("/optout"))

    assert not re.search(rb"<script|src=|href=|url\(", answer.body)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "set-cookie" not in answer.headers


def test_an_objection_sets_one_cookie_without_an_id(worker: WorkerProcess) -> None:
    answer = post(worker, b"choice=out", "Origin: https://shop.example")

    assert (answer.status, answer.headers["location"]) == (303, "optout")
    assert answer.headers["set-cookie"] == (
        "noanalytics=1; Path=/; Max-Age=34128000; SameSite=Lax; Secure"
    )


def test_an_objection_is_never_extended(worker: WorkerProcess) -> None:
    answer = post(worker, b"choice=out", OPTED_OUT)

    assert answer.status == 303
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"choice=inside", b"x=choice=in"])
def test_an_unclear_form_is_an_objection(worker: WorkerProcess, body: bytes) -> None:
    assert post(worker, body).headers["set-cookie"].startswith("noanalytics=1;")


def test_an_objection_can_be_taken_back(worker: WorkerProcess) -> None:
    answer = post(worker, b"choice=in", OPTED_OUT)

    assert answer.headers["set-cookie"] == (
        "noanalytics=; Path=/; Max-Age=0; SameSite=Lax"
    )


def test_an_objecting_visitor_is_neither_stored_nor_counted(
    worker: WorkerProcess,
) -> None:
    answer = ask(worker.port, event(OPTED_OUT))

    assert answer.json == {"accepted": 0, "dropped": {"opt_out": 1}}
