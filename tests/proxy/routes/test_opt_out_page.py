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


FOREIGN = [
    ("Sec-Fetch-Site: cross-site", "Origin: https://evil.example"),
    ("Sec-Fetch-Site: same-site", "Origin: null"),
    ("Origin: https://evil.example",),
    ("Origin: https://shop.example.evil.example",),
    ("Origin: null",),
]
OWN = [
    (),
    ("Sec-Fetch-Site: same-origin", "Origin: https://stats.example"),
    ("Sec-Fetch-Site: same-site", "Origin: https://shop.example"),
    ("Origin: https://shop.example",),
    ("Origin: https://shop.example:8443",),
]


@pytest.mark.parametrize("lines", FOREIGN)
def test_a_page_of_others_cannot_take_an_objection_back(
    worker: WorkerProcess, lines: tuple[str, ...]
) -> None:
    answer = post(worker, b"choice=in", OPTED_OUT, *lines)

    assert answer.status == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("lines", OWN)
def test_the_page_itself_can_take_it_back(
    worker: WorkerProcess, lines: tuple[str, ...]
) -> None:
    answer = post(worker, b"choice=in", OPTED_OUT, *lines)

    assert answer.status == 303
    assert answer.headers["set-cookie"].startswith("noanalytics=;")


@pytest.mark.parametrize("lines", FOREIGN)
def test_an_objection_is_taken_from_anywhere(
    worker: WorkerProcess, lines: tuple[str, ...]
) -> None:
    assert post(worker, b"choice=out", *lines).status == 303


def test_the_page_lets_the_browser_say_where_its_form_comes_from(
    worker: WorkerProcess,
) -> None:
    answer = ask(worker.port, get("/optout"))

    assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "body",
    [
        b'{"site": "shop", "url": 7, "optout": true}',
        b'[{"site": "shop", "url": 7, "optout": true}]',
        b'{"site": "shop", "optout": 1}',
        b'{"site": "shop", "optout": "yes"}',
        b'{"site": "shop", "order": {"value": "x"}, "optout": "true"}',
    ],
)
def test_an_objection_beside_a_malformed_field_is_heard(
    worker: WorkerProcess, body: bytes
) -> None:
    before = worker.spooled.drops

    answer = ask(worker.port, event(body=body))

    assert answer.json == {"accepted": 0, "dropped": {"opt_out": 1}}
    assert worker.spooled.drops == before


def test_an_objection_in_a_pixel_is_heard(worker: WorkerProcess) -> None:
    before = len(worker.spooled.events)

    answer = ask(
        worker.port, get("/p.gif?site=shop&optout=1&url=https%3A%2F%2Fshop.example%2F")
    )

    assert answer.status == 200
    assert len(worker.spooled.events) == before
