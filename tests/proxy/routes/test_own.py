"""Every path and method has its response, in a form its client understands."""

from collections.abc import Iterator

import pytest

from config.settings import ProxySettings
from proxy.protocols.native import PIXEL
from proxy.routes.tag import tag_script
from tests.proxy.transport.raw_http import (
    EVENT,
    Connection,
    RawResponse,
    ask,
    event,
    get,
    request,
)
from tests.proxy.worker_process import WorkerProcess

OWN = "https://shop.example"
FOREIGN = "https://evil.example"
BOT = "curl/8.5.0"
TAG_PATH = "/assets/app.js"
PROXY = ProxySettings(path_prefix="/stats", tag_path=TAG_PATH)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("handlers")
    proxy = {
        "path_prefix": "/stats",
        "tag_path": TAG_PATH,
        "debug_header": True,
        "max_events": 3,
        "keepalive_s": 60,
    }
    with WorkerProcess(folder, proxy=proxy) as worker:
        yield worker


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker with every setting at its default."""
    with WorkerProcess(tmp_path_factory.mktemp("plain")) as worker:
        yield worker


def test_an_event_is_accepted_and_stored(worker: WorkerProcess) -> None:
    before = len(worker.spooled.events)

    got = ask(worker.port, event())

    assert (got.status, got.json) == (202, {"accepted": 1, "dropped": {}})
    assert got.headers["content-type"] == "application/json"
    assert got.headers["cache-control"] == "no-store"
    assert len(worker.spooled.events) == before + 1


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain;charset=UTF-8", "image/png", "application/x-www"],
)
def test_the_body_decides_regardless_of_content_type(
    worker: WorkerProcess, content_type: str
) -> None:
    got = ask(worker.port, event(f"Content-Type: {content_type}"))

    assert got.json == {"accepted": 1, "dropped": {}}


@pytest.mark.parametrize(
    ("body", "accepted", "dropped"),
    [
        pytest.param(b"[%s,%s]" % (EVENT, EVENT), 2, {}, id="two good"),
        pytest.param(b"[]", 0, {}, id="none"),
        pytest.param(
            b'[%s, 7, {"site": "other"}]' % EVENT,
            1,
            {"malformed": 1, "unknown_site": 1},
            id="good and bad",
        ),
        pytest.param(b'[{"site": "shop"}]', 0, {"bad_page": 1}, id="one bad"),
        pytest.param(b'{"site": "shop"}', 0, {"bad_page": 1}, id="alone and bad"),
    ],
)
def test_an_array_response_has_its_counts(
    worker: WorkerProcess, body: bytes, accepted: int, dropped: dict[str, int]
) -> None:
    got = ask(worker.port, event(body=body))

    assert got.status == 202
    assert got.json == {"accepted": accepted, "dropped": dropped}


def test_an_array_over_the_limit_is_refused(worker: WorkerProcess) -> None:
    before = len(worker.spooled.events)

    got = ask(worker.port, event(body=b"[" + b",".join([EVENT] * 4) + b"]"))

    assert (got.status, got.json) == (
        400,
        {"error": "more than 3 events in one request"},
    )
    assert len(worker.spooled.events) == before


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(event(), None, id="nothing dropped"),
        pytest.param(event(body=b'{"site": "shop"}'), "dropped bad_page", id="one"),
        pytest.param(
            event(body=b'[{"site": "shop"}, {"site": "other"}]'),
            "dropped bad_page unknown_site",
            id="two",
        ),
        pytest.param(event("Cookie: noanalytics=1"), "dropped opt_out", id="opt-out"),
        pytest.param(
            request("GET", "/p.gif?site=shop", agent=BOT), "dropped bot", id="pixel"
        ),
    ],
)
def test_the_reason_header_is_sent_if_configured(
    worker: WorkerProcess, plain: WorkerProcess, data: bytes, expected: str | None
) -> None:
    assert ask(worker.port, data).headers.get("x-millpond") == expected
    assert "x-millpond" not in ask(plain.port, data).headers


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        pytest.param(OWN, OWN, id="own"),
        pytest.param("https://www.shop.example:8443", None, id="own, with a port"),
        pytest.param(FOREIGN, "", id="foreign"),
        pytest.param("null", "", id="opaque"),
        pytest.param("https://canary@shop.example", "", id="with a name in it"),
        pytest.param("canary://shop.example", "", id="of another scheme"),
        pytest.param("日://shop.example", "", id="letters in the scheme"),
        pytest.param("\udcff://shop.example", "", id="no UTF-8 in the scheme"),
        pytest.param("https://shop.example/canary", "", id="with a path"),
        # A different spelling of the same name, which no browser sends.
        pytest.param("https://\uff53hop.example", "", id="other letters"),
    ],
)
@pytest.mark.parametrize("close", [True, False], ids=["ordinary", "quick"])
@pytest.mark.parametrize("body", [EVENT, b"{}", b"?"], ids=["kept", "dropped", "bad"])
def test_only_a_known_origin_may_read_the_response(
    worker: WorkerProcess, origin: str, allowed: str | None, body: bytes, *, close: bool
) -> None:
    lines = [f"Origin: {origin}", *(["Connection: close"] if close else [])]

    got = ask(worker.port, event(*lines, body=body))

    expected = origin if allowed is None else allowed
    assert got.headers.get("access-control-allow-origin", "") == expected
    assert got.status == (400 if body == b"?" else 202)
    assert ("vary" in got.headers) == bool(expected)


@pytest.mark.parametrize(("origin", "allowed"), [(OWN, OWN), (FOREIGN, None)])
@pytest.mark.parametrize(
    ("requested_headers", "allowed_headers"),
    [
        pytest.param(None, "content-type", id="nothing in particular"),
        pytest.param("authorization,x-retry", "authorization,x-retry", id="its own"),
        pytest.param("<b>", "content-type", id="no header"),
        pytest.param("a" * 501, "content-type", id="too long"),
    ],
)
def test_a_preflight_is_allowed_for_known_origins(
    worker: WorkerProcess,
    origin: str,
    allowed: str | None,
    requested_headers: str | None,
    allowed_headers: str,
) -> None:
    lines = [f"Origin: {origin}", "Access-Control-Request-Method: POST"]
    if requested_headers is not None:
        lines.append(f"Access-Control-Request-Headers: {requested_headers}")

    got = ask(worker.port, get("/v1/events", *lines, method="OPTIONS"))

    assert (got.status, got.body) == (204, b"")
    assert got.headers.get("access-control-allow-origin") == allowed
    assert got.headers["access-control-allow-headers"] == allowed_headers
    assert "POST" in got.headers["access-control-allow-methods"]
    assert int(got.headers["access-control-max-age"]) >= 3_600
    assert ("access-control-allow-credentials" in got.headers) == bool(allowed)


@pytest.mark.parametrize(
    "path", ["/v1/events", "/stats/v1/events", "/any/other/v1/events", "//v1/events"]
)
def test_events_are_accepted_under_any_prefix(worker: WorkerProcess, path: str) -> None:
    assert ask(worker.port, event(path=path)).status == 202


def test_a_pixel_counts_the_referring_page(worker: WorkerProcess) -> None:
    got = ask(worker.port, get("/p.gif?site=shop", "Referer: https://shop.example/px"))

    assert (got.status, got.body) == (200, PIXEL)
    assert got.headers["content-type"] == "image/gif"
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "/px" in worker.spooled.paths


@pytest.mark.parametrize("path", [TAG_PATH, f"/stats{TAG_PATH}"])
def test_the_tag_has_the_same_bytes_for_every_client(
    worker: WorkerProcess, path: str
) -> None:
    known = ['If-None-Match: "canary"', "Cookie: id=canary"]

    first = ask(worker.port, get(path))
    second = ask(worker.port, get(f"{path}?v=2", *known))

    assert (first.status, first.body) == (200, tag_script(PROXY))
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (second.status, second.body) == (200, first.body)
    # No validator and no cookie could identify a browser.
    assert (
        first.headers.keys() & {"etag", "last-modified", "set-cookie", "vary"} == set()
    )


def test_the_default_tag_path_is_404_if_renamed(worker: WorkerProcess) -> None:
    assert ask(worker.port, get("/m.js")).status == 404


@pytest.mark.parametrize("path", [TAG_PATH, "/healthz", "/readyz"])
def test_head_returns_the_headers_of_get(worker: WorkerProcess, path: str) -> None:
    whole = ask(worker.port, get(path))
    with Connection(worker.port) as connection:
        connection.send(get(path, "Connection: close", method="HEAD"))
        got = connection.answer(to_head=True)
        rest = connection.rest()

    assert (got.status, rest) == (200, b"")
    assert got.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/events", "POST, OPTIONS"),
        ("PUT", "/v1/events", "POST, OPTIONS"),
        ("HEAD", "/p.gif", "GET"),
        ("POST", "/p.gif", "GET"),
        ("POST", TAG_PATH, "GET, HEAD"),
        ("DELETE", "/healthz", "GET, HEAD"),
        ("TRACE", "/readyz", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_405_with_the_allowed_methods(
    worker: WorkerProcess, method: str, path: str, allow: str
) -> None:
    got = ask(worker.port, get(path, method=method), to_head=method == "HEAD")

    assert (got.status, got.headers["allow"]) == (405, allow)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/events/",
        "/v1/events/v1",
        "/v1%2Fevents",
        "/V1/EVENTS",
        "/stats",
        "/a" * 20 + "/v1/events",
        "/demo/",
        "/v1/../events",
        "/canary?canary=1",
        "http://shop.example/v1/events",
    ],
)
def test_an_unknown_path_is_404(worker: WorkerProcess, path: str) -> None:
    got = ask(worker.port, get(path))

    assert (got.status, got.json["error"]) == (404, "nothing at this path")


def test_a_connection_serves_many_requests(worker: WorkerProcess) -> None:
    with Connection(worker.port) as connection:
        for data, status in [
            (event(), 202),
            (get("/healthz"), 200),
            (event(body=b"?"), 400),
            (get("/nothing"), 404),
            (get("/v1/events", method="OPTIONS"), 204),
            (event(), 202),
        ]:
            connection.send(data)
            assert connection.answer().status == status


def close_after(port: int, data: bytes) -> tuple[RawResponse, bytes]:
    """Return the answer and all bytes after it until the server closes."""
    with Connection(port) as connection:
        connection.send(data)
        return connection.answer(), connection.rest()


@pytest.mark.parametrize(
    ("data", "version"),
    [
        pytest.param(request(body=EVENT, version="1.0"), "HTTP/1.0", id="HTTP/1.0"),
        pytest.param(event("Connection: close"), "HTTP/1.1", id="asks to close"),
    ],
)
def test_a_closing_client_gets_a_complete_response(
    worker: WorkerProcess, data: bytes, version: str
) -> None:
    got, rest = close_after(worker.port, data)

    assert (got.version, got.status, rest) == (version, 202, b"")
    assert got.json == {"accepted": 1, "dropped": {}}


def test_an_http_1_0_client_may_keep_its_connection(worker: WorkerProcess) -> None:
    old = request("POST", "/v1/events", EVENT, "Connection: keep-alive", version="1.0")
    with Connection(worker.port) as connection:
        for _ in range(2):
            connection.send(old)
            got = connection.answer()

            assert got.headers["connection"] == "keep-alive"
            assert got.json == {"accepted": 1, "dropped": {}}


def test_expect_100_continue_is_answered(worker: WorkerProcess) -> None:
    head = request(
        "POST",
        "/v1/events",
        b"",
        "Expect: 100-continue",
        f"Content-Length: {len(EVENT)}",
    )
    with Connection(worker.port) as connection:
        connection.send(head)
        invited = connection.answer()
        connection.send(EVENT)
        got = connection.answer()

    assert (invited.status, got.status) == (100, 202)


def test_expect_100_continue_with_a_large_body_is_refused_at_once(
    worker: WorkerProcess,
) -> None:
    head = request(
        "POST", "/v1/events", b"", "Expect: 100-continue", "Content-Length: 10000000"
    )

    assert ask(worker.port, head).status == 413


@pytest.mark.parametrize("token", ["websocket", "h2c"])
def test_a_protocol_upgrade_is_ignored(worker: WorkerProcess, token: str) -> None:
    upgrade = event("Connection: Upgrade", f"Upgrade: {token}")
    with Connection(worker.port) as connection:
        for _ in range(2):
            connection.send(upgrade)

            assert connection.answer().status == 202


def test_no_response_names_the_server_software(worker: WorkerProcess) -> None:
    requests = [
        event(),
        event(body=b"?"),
        get("/m.js"),
        get("/readyz"),
        get("/p.gif"),
        b"?",
    ]

    for data in requests:
        got = ask(worker.port, data + b"\r\n\r\n" * (data == b"?"))

        assert got.headers.get("server", "Millpond") == "Millpond"
        assert "aiohttp" not in repr(got)


def test_the_health_path_responds(worker: WorkerProcess) -> None:
    assert ask(worker.port, get("/healthz")).body == b"ok\n"
    assert ask(worker.port, get("/readyz")).json == {"ready": True, "problems": {}}


def test_only_the_demo_serves_the_sample_shop(plain: WorkerProcess) -> None:
    assert ask(plain.port, get("/demo/")).status == 404
