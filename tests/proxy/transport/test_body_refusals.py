"""Hostile bodies get a clear refusal, and are neither stored nor repeated."""

import gzip
import zlib
from collections.abc import Iterator

import pytest

from tests.proxy.canaries import (
    AGENT,
    CANARY,
    MARKED,
    canary_bytes_in,
    check_answer,
    worker_without_leaks,
)
from tests.proxy.transport.raw_http import EVENT, Connection, ask, request
from tests.proxy.worker_process import WorkerProcess

MOST_BYTES = 524_288
MEGABYTE = 1 << 20
BOMB = gzip.compress(bytes(50 * MEGABYTE))
MEMBERS = gzip.compress(b"") * 5_000
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    with worker_without_leaks(tmp_path_factory.mktemp("bodies")) as worker:
        yield worker


def post(body: bytes, *lines: str) -> bytes:
    """Return a marked request with *body*."""
    return request("POST", "/v1/events", body, *MARKED, *lines, agent=AGENT)


def chunks(*parts: bytes) -> bytes:
    """Return *parts* in the chunked coding."""
    sized = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
    return b"".join(sized) + b"0\r\n\r\n"


def marked(text: str) -> bytes:
    """Return *text* with the canary in place of its question mark."""
    return text.replace("?", CANARY).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(marked("?"), id="words"),
        pytest.param(marked('{"site": "?"'), id="cut"),
        pytest.param(marked('{"site": "?"} ?'), id="more behind"),
        pytest.param(marked('{"site": {"?": "?"}}'), id="object for text"),
        pytest.param(marked('{"?": NaN}'), id="NaN"),
        pytest.param(marked('{"?": -Infinity}'), id="infinity"),
        pytest.param(b'{"engaged_ms": 1e999}', id="past a float"),
        pytest.param(b'{"id": %s}' % (b"9" * 100_000), id="a number of 100,000 digits"),
        pytest.param(marked('{"order": {"value": "?"}}'), id="no amount"),
        pytest.param(b"[" * 100_000, id="depth 100,000"),
        pytest.param(b'{"x":' * 40_000, id="objects 40,000 deep"),
        pytest.param(b'{"props": {"x": %s' % (b"[" * 100_000), id="deep props"),
        pytest.param(b"\xff\xfe\xfd" + marked("?"), id="no UTF-8"),
        pytest.param(marked('{"site": "?\\udc00"}'), id="half a surrogate"),
        pytest.param(marked('{"site": "?"}').decode().encode("utf-16"), id="UTF-16"),
        pytest.param(b"\x00" * 1_000, id="zeros"),
        pytest.param(b"[" + b"{}," * 2_500 + b"{}]", id="2,501 events"),
        pytest.param(b"site=" + marked("?"), id="a form"),
        pytest.param(b"\x1f\x8b" + marked("?"), id="gzip without a header"),
    ],
)
def test_an_invalid_body_is_400(worker: WorkerProcess, body: bytes) -> None:
    got = ask(worker.port, post(body))

    check_answer(got)
    assert got.status == 400


@pytest.mark.parametrize(
    "encoding",
    [
        "gzip",
        "GZIP",
        "deflate",
        "br",
        "zstd",
        "gzip, gzip",
        "identity, gzip",
        "",
        f"x-{CANARY}",
    ],
)
def test_every_content_encoding_is_refused(
    worker: WorkerProcess, encoding: str
) -> None:
    got = ask(worker.port, post(EVENT, f"Content-Encoding: {encoding}"))

    check_answer(got)
    assert got.status == 415


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(BOMB, id="50 MB of zeros"),
        pytest.param(MEMBERS, id="5,000 members"),
        pytest.param(gzip.compress(EVENT)[:-6], id="cut"),
        pytest.param(zlib.compress(BOMB), id="twice"),
    ],
)
def test_a_gzip_bomb_is_not_unpacked(worker: WorkerProcess, body: bytes) -> None:
    got = ask(worker.port, post(body, "Content-Encoding: gzip"))

    check_answer(got)
    assert got.status == 415


def test_a_second_encoding_header_is_refused(worker: WorkerProcess) -> None:
    lines = ("Content-Encoding: identity", "Content-Encoding: gzip")

    assert ask(worker.port, post(EVENT, *lines)).status == 415


def test_the_identity_encoding_is_accepted(worker: WorkerProcess) -> None:
    assert ask(worker.port, post(EVENT, "Content-Encoding: Identity")).status == 202


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(post(bytes(MOST_BYTES + 1)), id="a byte too many"),
        pytest.param(post(b"x", "Content-Length: 10737418240"), id="10 GB announced"),
        pytest.param(post(chunks(bytes(MOST_BYTES + 1)), CHUNKED), id="one chunk"),
        pytest.param(post(chunks(*[bytes(1_000)] * 600), CHUNKED), id="many chunks"),
        pytest.param(post(chunks(bytes(5 * MEGABYTE)), CHUNKED), id="5 MB"),
    ],
)
def test_a_body_over_the_limit_is_413_and_closes_the_connection(
    worker: WorkerProcess, data: bytes
) -> None:
    with Connection(worker.port) as connection:
        connection.send(data)
        got = connection.answer()
        connection.end()
        rest = connection.rest()

    check_answer(got)
    assert (got.status, rest) == (413, b"")
    assert got.headers["connection"] == "close"


@pytest.mark.parametrize("padding", [0, 1], ids=["exactly the limit", "a byte less"])
@pytest.mark.parametrize("coded", [False, True], ids=["length", "chunked"])
def test_a_body_at_the_limit_is_accepted(
    worker: WorkerProcess, padding: int, *, coded: bool
) -> None:
    body = EVENT.ljust(MOST_BYTES - padding)

    data = post(chunks(body[:9], body[9:]), CHUNKED) if coded else post(body)

    assert ask(worker.port, data).status == 202


@pytest.mark.parametrize(
    ("body", "accepted", "dropped"),
    [
        pytest.param('{"site": "?"}', 0, {"unknown_site": 1}, id="unknown site"),
        pytest.param('{"key": "?"}', 0, {"unknown_site": 1}, id="unknown key"),
        pytest.param('{"url": "https://?.test/"}', 0, {"foreign_origin": 1}, id="page"),
        pytest.param('{"url": "?"}', 0, {"bad_page": 1}, id="no page"),
        pytest.param('{"name": "<?>"}', 0, {"bad_name": 1}, id="bad name"),
        pytest.param(
            '{"name": "a", "order": {"currency": "?"}}',
            0,
            {"bad_order": 1},
            id="bad order",
        ),
        pytest.param(
            '[{"site": "?"}, {"?": NaN}]', None, {}, id="a bad array is no JSON"
        ),
        pytest.param(
            '[{"name": ["?"]}, {"id": {}}]', 0, {"malformed": 2}, id="bad members"
        ),
    ],
)
def test_a_dropped_hit_is_counted_with_its_reason(
    worker: WorkerProcess, body: str, accepted: int | None, dropped: dict[str, int]
) -> None:
    got = ask(worker.port, post(marked(body)))

    assert canary_bytes_in(repr(got).encode()) == []
    if accepted is None:
        assert got.status == 400
    else:
        assert (got.status, got.json["dropped"]) == (202, dropped)
        assert got.json["accepted"] == accepted


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        pytest.param('"1970-01-01T00:00:00Z"', "too_old", id="1970"),
        pytest.param('"9999-12-31T23:59:59Z"', "bad_time", id="9999"),
        pytest.param('"0001-01-01T00:00:00+14:00"', "too_old", id="before the year 1"),
        pytest.param("-1", "too_old", id="before 1970"),
        pytest.param("1e308", "bad_time", id="past every calendar"),
        pytest.param("9" * 400, "bad_time", id="400 digits"),
        pytest.param("-" + "9" * 400, "bad_time", id="400 digits, negative"),
        pytest.param('"canary"', "bad_time", id="words"),
    ],
)
@pytest.mark.parametrize("sent_at", ["", ', "sent_at": -1e308', ', "sent_at": 1e308'])
def test_an_event_with_a_wrong_clock_is_refused_by_name(
    worker: WorkerProcess, at: str, reason: str, sent_at: str
) -> None:
    body = '{"site": "shop", "url": "https://shop.example/at", "at": %s%s}'

    got = ask(worker.port, post((body % (at, sent_at)).encode()))

    assert (got.status, got.json["accepted"]) == (202, 0)
    assert got.json["dropped"] == {reason: 1}
    assert not any(event.path == "/at" for event in worker.spooled.events)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(post(EVENT, "Content-Length: 5000"), id="length"),
        pytest.param(post(b"fff\r\n" + EVENT, CHUNKED), id="chunk"),
        pytest.param(post(b"%x\r\n" % len(EVENT) + EVENT, CHUNKED), id="last chunk"),
    ],
)
def test_an_incomplete_body_is_not_stored(worker: WorkerProcess, data: bytes) -> None:
    before = len(worker.spooled.events)
    with Connection(worker.port) as connection:
        connection.send(data)
        connection.end()
        rest = connection.rest()

    assert rest == b"" or rest.startswith(b"HTTP/1.1 4")
    assert canary_bytes_in(rest) == []
    assert len(worker.spooled.events) == before


def test_any_pixel_headers_and_query_are_accepted_or_refused(
    worker: WorkerProcess,
) -> None:
    for path in (f"/p.gif?site=%ff{CANARY}", "/p.gif?" + f"{CANARY}=1&" * 33):
        got = ask(worker.port, request("GET", path, b"", *MARKED, agent=AGENT))

        check_answer(got)
        assert got.status == 400


def test_a_referer_of_any_bytes_is_accepted(worker: WorkerProcess) -> None:
    line = "Referer: https://shop.example/\udcff\udcfe"

    got = ask(worker.port, request("GET", "/p.gif", b"", line, *MARKED, agent=AGENT))

    assert got.status == 200
