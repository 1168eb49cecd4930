"""Malformed requests are refused and closed, and never interpreted.

A request that two programs could read differently must not be read at all.
"""

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
from tests.proxy.transport.raw_http import EVENT, Connection, encoded, get, request
from tests.proxy.worker_process import WorkerProcess

CHUNKED = "Transfer-Encoding: chunked"
ONE_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("framing")
    with worker_without_leaks(folder, keepalive_s=2) as worker:
        yield worker


def post(*lines: str, body: bytes = EVENT) -> bytes:
    """Return a request with canaries and the header *lines*."""
    return request("POST", "/v1/events", body, *MARKED, *lines, agent=AGENT)


def bare(*head: str, body: bytes = b"") -> bytes:
    """Return a request with exactly these lines."""
    return encoded(head) + body


LENGTH = f"Content-Length: {len(EVENT)}"

DESYNC = [
    pytest.param(post(LENGTH, CHUNKED, body=ONE_CHUNK), id="CL.TE"),
    pytest.param(post(CHUNKED, LENGTH, body=ONE_CHUNK), id="TE.CL"),
    pytest.param(post(CHUNKED, "Transfer-Encoding: x", body=ONE_CHUNK), id="TE.TE"),
    pytest.param(post("Transfer-Encoding: xchunked", body=ONE_CHUNK), id="xchunked"),
    pytest.param(post("Transfer-Encoding: chunked, x", body=ONE_CHUNK), id="not last"),
    pytest.param(
        post("Transfer-Encoding : chunked", body=ONE_CHUNK), id="space before the colon"
    ),
    pytest.param(
        post("Transfer-Encoding:\x0bchunked", body=ONE_CHUNK), id="vertical tab"
    ),
    pytest.param(post(LENGTH, "Content-Length: 5"), id="two lengths"),
    pytest.param(post("Content-Length: 5, 5"), id="a list of lengths"),
    pytest.param(post("Content-Length: -5"), id="negative length"),
    pytest.param(post("Content-Length: +5"), id="length with a plus"),
    pytest.param(post("Content-Length: 0x5"), id="length in hex"),
    pytest.param(post(f"Content-Length: {CANARY}"), id="length in words"),
    pytest.param(post("Content-Length: 5_0"), id="length in Python syntax"),
    pytest.param(post("Content-Length: \u0665"), id="length in other digits"),
    pytest.param(post(f"Content-Length: {'9' * 30}"), id="length past 64 bits"),
    pytest.param(post(CHUNKED, body=b"zz\r\nhello\r\n0\r\n\r\n"), id="no chunk size"),
    pytest.param(post(CHUNKED, body=b"-5\r\nhello\r\n0\r\n\r\n"), id="negative chunk"),
    pytest.param(post(CHUNKED, body=b"5\r\nhelloXX0\r\n\r\n"), id="no end of chunk"),
    pytest.param(
        post(CHUNKED, body=b"5;a\nb\r\nhello\r\n0\r\n\r\n"), id="extension, LF"
    ),
    pytest.param(
        post(CHUNKED, body=b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n"),
        id="chunk past 64 bits",
    ),
]

HEADERS = [
    pytest.param(post(*[f"X-{n}: {CANARY}" for n in range(129)]), id="129 headers"),
    pytest.param(post("X-Long: " + CANARY * 800), id="9 KB line"),
    pytest.param(post("X" * 9_000 + ": 1"), id="9 KB name"),
    pytest.param(post(f"X-Nul: {CANARY}\x00"), id="NUL"),
    pytest.param(post(f"X-Cr: {CANARY}\rSet-Cookie: a=b"), id="CR"),
    pytest.param(post(f"X-Folded: {CANARY}\r\n folded"), id="folded line"),
    pytest.param(post(f"{CANARY}"), id="no colon"),
    pytest.param(post(f": {CANARY}"), id="no name"),
    pytest.param(post(f"X {CANARY}: 1"), id="space in a name"),
    pytest.param(post(f"X-{CANARY}é: 1"), id="letters in a name"),
    pytest.param(post(f"Host: {CANARY}.example"), id="two hosts"),
    pytest.param(bare("GET /healthz HTTP/1.1"), id="no host"),
    pytest.param(
        post().replace(b"\r\n", b"\n"),
        id="bare line feeds",
    ),
]

LINES = [
    pytest.param(bare(f"GET /p.gif?{CANARY * 800} HTTP/1.1", "Host: x"), id="9 KB URI"),
    pytest.param(bare("GET /healthz"), id="HTTP/0.9"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2 preface"),
    pytest.param(bare("GET /healthz HTTP/2.0", "Host: x"), id="HTTP/2.0"),
    pytest.param(bare("GET /healthz HTTP/1.2", "Host: x"), id="HTTP/1.2"),
    pytest.param(bare("GET /healthz HTTP/9.9", "Host: x"), id="HTTP/9.9"),
    pytest.param(bare("GET /healthz HTTP/11.1", "Host: x"), id="HTTP/11.1"),
    pytest.param(bare(f"GET /healthz {CANARY}/1.1", "Host: x"), id="not HTTP"),
    pytest.param(bare(f"{CANARY} / HTTP/1.1", "Host: x"), id="no such method"),
    pytest.param(bare("get /healthz HTTP/1.1", "Host: x"), id="method in lower case"),
    pytest.param(
        bare(f"GET /{CANARY} {CANARY} HTTP/1.1", "Host: x"), id="space in the URI"
    ),
    pytest.param(bare(f"GET {CANARY} HTTP/1.1", "Host: x"), id="no slash"),
    pytest.param(bare("GET * HTTP/1.1", "Host: x"), id="asterisk"),
    pytest.param(bare(f"GET /{CANARY}\udcff HTTP/1.1", "Host: x"), id="bytes in URI"),
    pytest.param(bare(f"CONNECT {CANARY}:443 HTTP/1.1", "Host: x"), id="CONNECT"),
    pytest.param(bare(f"GET http://{CANARY}/ HTTP/1.1", "Host: x"), id="absolute URI"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, id="TLS"),
    pytest.param(b"\x00" * 100, id="zeros"),
    pytest.param(f"EHLO {CANARY}\r\n\r\n".encode(), id="SMTP"),
    pytest.param(f"{{'{CANARY}'}}\r\n\r\n".encode(), id="no request line"),
]


@pytest.mark.parametrize("data", DESYNC + HEADERS + LINES)
def test_a_malformed_request_is_refused_and_not_stored(
    worker: WorkerProcess, data: bytes
) -> None:
    before = len(worker.spooled.events)
    with Connection(worker.port) as connection:
        connection.send(data)
        got = connection.answer()
        connection.end()
        rest = connection.rest()

    check_answer(got)
    assert canary_bytes_in(rest) == []
    assert len(worker.spooled.events) == before


@pytest.mark.parametrize("data", DESYNC)
def test_bytes_after_an_ambiguous_request_are_not_a_request(
    worker: WorkerProcess, data: bytes
) -> None:
    smuggled = post(body=b'{"site": "shop", "url": "https://shop.example/smuggled"}')
    with Connection(worker.port) as connection:
        connection.send(data + smuggled)
        answers = connection.rest()

    assert answers.count(b"HTTP/1.") == 1
    assert "/smuggled" not in worker.spooled.paths


def test_50_more_headers_are_accepted(
    worker: WorkerProcess,
) -> None:
    with Connection(worker.port) as connection:
        connection.send(post(*[f"X-{number}: 1" for number in range(50)]))

        assert connection.answer().status == 202


def test_pipelined_requests_are_answered_in_order(worker: WorkerProcess) -> None:
    count = 10_000
    with Connection(worker.port) as connection:
        for _ in range(100):
            connection.send(get("/healthz") * (count // 100))
        connection.send(get("/nothing") + post())
        got = [connection.answer().status for _ in range(count + 2)]

    assert got == [200] * count + [404, 202]


def test_only_stored_events_before_garbage_are_acknowledged(
    worker: WorkerProcess,
) -> None:
    before = len(worker.spooled.events)
    with Connection(worker.port) as connection:
        connection.send(post() + post() + b"\x00nonsense\r\n\r\n" + post())
        answers = connection.rest()

    assert answers.count(b" 400 Bad Request") == 1
    assert answers.count(b" 202 Accepted") == len(worker.spooled.events) - before


@pytest.mark.parametrize(
    ("version", "coding"),
    [
        *(("1.0", "chunked"), ("1.0", "gzip, chunked"), ("1.1", "gzip, chunked")),
        *(("1.1", "deflate, chunked"), ("1.1", "identity, chunked")),
        ("1.1", "chunked, chunked"),
    ],
)
@pytest.mark.parametrize("is_split", [False, True])
def test_chunks_are_read_only_alone_and_in_http_1_1(
    worker: WorkerProcess,
    version: str,
    coding: str,
    is_split: bool,  # noqa: FBT001 - a case, not a mode
) -> None:
    before = len(worker.spooled.events)
    line = f"Transfer-Encoding: {coding}"
    data = request("POST", "/v1/events", ONE_CHUNK, line, version=version)
    with Connection(worker.port) as connection:
        connection.send(data[:-9] if is_split else data)
        if is_split:
            connection.send(data[-9:])
        answers = connection.rest()

    assert answers.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert answers.count(b"HTTP/1.") == 1
    assert len(worker.spooled.events) == before


@pytest.mark.parametrize("coding", ["chunked", "Chunked"])
def test_chunks_in_http_1_1_are_read(worker: WorkerProcess, coding: str) -> None:
    line = f"Transfer-Encoding: {coding}"
    with Connection(worker.port) as connection:
        connection.send(request("POST", "/v1/events", ONE_CHUNK, line))

        assert connection.answer().status == 202
