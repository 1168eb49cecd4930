"""The reports server answers correctly, refuses clearly, and echoes no input."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from config.errors import MillpondError
from config.settings import ReportsSettings, Settings
from reports.counting.queries import Statistics
from reports.query import MAX_BODY_BYTES
from reports.web.app import build_app
from reports.web.query_pool import QueryPool
from reports.web.server import listening
from tests.reports.sample_queries import body, local_now
from tests.reports.sample_tables import answer_query, drop, sample, store
from tests.reports.web.serving import attack_events, serving
from warehouse.tables import Warehouse

_CANARY = "canary@example.org"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    rows = [*sample(), *attack_events()]
    bots = [drop("bot", 3, bot_kind="monitor"), drop("bot", 1_500, bot_kind="seo")]
    return store(tmp_path_factory.mktemp("warehouse"), rows, bots)


@pytest_asyncio.fixture
async def url(settings: Settings, warehouse: Warehouse) -> AsyncIterator[str]:
    """Yield the URL of a running server."""
    async with serving(settings, warehouse) as url:
        yield url


@pytest_asyncio.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def _send_raw(url: str, lines: str) -> bytes:
    """Send *lines* as a request, and return the raw response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url[17:]))
    writer.write(lines.encode())
    await writer.drain()
    got = await reader.read()
    writer.close()
    await writer.wait_closed()
    return got


async def test_the_api_and_the_command_line_give_the_same_answer(
    url: str, client: aiohttp.ClientSession, warehouse: Warehouse
) -> None:
    raw = body(dimensions=["page"], order_by=[["pageviews", "desc"]], limit=3)

    async with client.post(f"{url}/api/v1/query", json=raw) as got:
        answer = await got.json()

    assert (got.status, answer) == (200, answer_query(warehouse, raw).json())


async def test_the_received_hits_are_answered_with_the_kinds_of_bots(
    url: str, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{url}/api/v1/received?site=shop&period=30d") as got:
        answer = await got.json()
    async with client.get(f"{url}/api/v1/received?site=nobody") as refused:
        problem = await refused.json()

    assert answer["results"] == [{"dimensions": ["bot"], "metrics": [1_503]}]
    assert answer["meta"]["bot_kinds"] == {"seo": 1_500, "monitor": 3}
    assert (got.status, refused.status) == (200, 400)
    assert "site" in str(problem["problems"])


async def test_concurrent_queries_are_all_answered(
    url: str, client: aiohttp.ClientSession
) -> None:
    raw = body(dimensions=["page", "country"])

    async def ask() -> object:
        async with client.post(f"{url}/api/v1/query", json=raw) as got:
            return (got.status, await got.json())

    answers = await asyncio.gather(*(ask() for _ in range(12)))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 200  # type: ignore[index]


_BAD_BODIES = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="cut short"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b'"x"', id="a text"),
    pytest.param(b"null", id="null"),
    pytest.param(b"\xff\xfe", id="not UTF-8"),
    pytest.param(b"[" * 30_000, id="very deep"),
    pytest.param(b'{"limit": NaN}', id="not a number"),
    pytest.param(b'{"limit": 1e999}', id="infinite"),
    pytest.param(json.dumps({_CANARY: 1}).encode(), id="unknown key"),
    pytest.param(json.dumps(body(site=_CANARY)).encode(), id="unknown site"),
    pytest.param(json.dumps(body(metrics=[_CANARY])).encode(), id="metric"),
    pytest.param(json.dumps(body(dimensions=[_CANARY])).encode(), id="dimension"),
    pytest.param(json.dumps(body(date_range=_CANARY)).encode(), id="range"),
    pytest.param(json.dumps(body(limit=_CANARY)).encode(), id="limit"),
    pytest.param(json.dumps(body(limit=10**6)).encode(), id="limit too large"),
    pytest.param(json.dumps(body(order_by=[[_CANARY, "asc"]])).encode(), id="order"),
    pytest.param(
        json.dumps(body(filters=[["is", _CANARY, [_CANARY]]])).encode(), id="filter"
    ),
    pytest.param(
        json.dumps(body(filters=[[_CANARY, "page", ["/"]]])).encode(), id="operator"
    ),
    pytest.param(json.dumps(body(filters=[[["is"] * 99]])).encode(), id="nested"),
    pytest.param(
        json.dumps(body(date_range=["1990-01-01", "2026-01-01"])).encode(),
        id="range too long",
    ),
]


@pytest.mark.parametrize("data", _BAD_BODIES)
async def test_an_invalid_body_is_refused_and_not_echoed(
    url: str, client: aiohttp.ClientSession, data: bytes
) -> None:
    async with client.post(f"{url}/api/v1/query", data=data) as got:
        text = await got.text()

    assert (got.status, got.content_type) == (400, "application/json")
    assert set(json.loads(text)) == {"error", "problems"}
    assert _CANARY not in text
    assert "Traceback" not in text


_REFUSALS = [
    pytest.param("GET", "/nothing", {}, b"", 404, id="unknown path"),
    pytest.param("GET", "/../etc/passwd", {}, b"", 404, id="path traversal"),
    pytest.param("GET", "/api/v1/query", {}, b"", 405, id="wrong method"),
    pytest.param("DELETE", "/", {}, b"", 405, id="method of the page"),
    pytest.param(
        "POST", "/api/v1/query", {}, b" " * (MAX_BODY_BYTES + 1), 413, id="too large"
    ),
    pytest.param(
        "POST",
        "/api/v1/query",
        {"Content-Encoding": "gzip"},
        b"x",
        415,
        id="compressed",
    ),
    pytest.param("GET", "/", {"Host": "evil.example"}, b"", 421, id="foreign host"),
    pytest.param("GET", "/healthz", {"Host": ""}, b"", 421, id="no host"),
    pytest.param(
        "POST",
        "/api/v1/query",
        {"Origin": "https://evil.example"},
        json.dumps(body()).encode(),
        403,
        id="foreign origin",
    ),
    pytest.param("GET", f"/?site={_CANARY}", {}, b"", 400, id="page of unknown site"),
    pytest.param("GET", f"/?period={_CANARY}", {}, b"", 400, id="page of no period"),
]


@pytest.mark.parametrize(("method", "path", "headers", "data", "status"), _REFUSALS)
async def test_a_refusal_has_its_status_and_a_message(
    url: str,
    client: aiohttp.ClientSession,
    method: str,
    path: str,
    headers: dict[str, str],
    data: bytes,
    status: int,
) -> None:
    async with client.request(method, url + path, headers=headers, data=data) as got:
        text = await got.text()

    assert got.status == status
    assert json.loads(text)["error"]
    assert _CANARY not in text
    assert "access-control-allow-origin" not in got.headers


async def test_a_body_without_a_length_is_limited(
    url: str, client: aiohttp.ClientSession
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 4_096

    try:
        async with client.post(f"{url}/api/v1/query", data=chunks()) as got:
            status = got.status
    except aiohttp.ClientConnectionError:
        status = 413  # the server may close before it has read the whole body

    assert status == 413


@pytest.mark.parametrize("path", ["/", "/style.css", "/healthz", "/nothing"])
async def test_every_response_has_the_security_headers(
    url: str, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.get(url + path) as got:
        headers = got.headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


async def test_the_page_escapes_stored_values(
    url: str, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{url}/?site=shop&period=today") as got:
        page = await got.text()

    assert got.status == 200
    assert "/&lt;script&gt;document.title=&#39;run&#39;&lt;/script&gt;" in page
    assert "/{{7*7}}{%raw%}" in page
    for raw in ("<script", "<img", 'onerror="', "</title></svg>", "<b>", "/&lt;b"):
        assert raw not in page


async def test_the_page_has_figures_and_links(
    url: str, client: aiohttp.ClientSession
) -> None:
    async with client.get(url) as got:
        page = await got.text()

    for expected in (
        "<title>shop · Millpond</title>",
        '<dd class="figure">74</dd>',
        "Visitors by day",
        "<caption>Pages</caption>",
        "<caption>Sources</caption>",
        "<caption>Countries</caption>",
        "<caption>Bots (not counted)</caption>",
        '<span title="seo">seo</span></th><td>1,500</td>',
        'href="/?site=blog&amp;period=30d"',
        '<a href="/?site=shop&amp;period=30d" aria-current="page">30 days</a>',
        "highest: ",
        "DE Germany",
    ):
        assert expected in page


async def test_the_page_of_an_empty_site_shows_what_to_do(
    url: str, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{url}/?site=blog") as got:
        page = await got.text()

    assert got.status == 200
    assert "There is no data for blog yet." in page
    assert "<svg" not in page


async def test_a_port_in_use_is_an_error_with_a_hint(
    settings: Settings, warehouse: Warehouse, url: str
) -> None:
    port = int(url.rpartition(":")[2])
    in_use = ReportsSettings(port=port)
    pool = QueryPool(lambda: Statistics(warehouse), time_limit_s=1)
    app = build_app(settings, pool, local_now)

    with pytest.raises(MillpondError, match=f"listen on 127.0.0.1:{port}") as caught:
        async with listening(app, in_use):
            pass

    assert caught.value.hint is not None


async def test_invalid_http_gets_a_fixed_response(url: str) -> None:
    got = await _send_raw(url, f"GET /{_CANARY} HTTP/9 {_CANARY}\r\n\r\n")

    assert got.startswith(b"HTTP/1.")
    assert b" 400 " in got.splitlines()[0]
    assert _CANARY.encode() not in got


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v1/query"])
async def test_an_unknown_expectation_is_refused_and_not_echoed(
    url: str, path: str
) -> None:
    got = await _send_raw(
        url, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nExpect: {_CANARY}\r\n\r\n"
    )

    assert b" 417 " in got.splitlines()[0]
    assert b"Content-Security-Policy" in got
    assert _CANARY.encode() not in got


async def test_a_client_may_wait_for_100_continue(url: str) -> None:
    query = json.dumps(body())

    got = await _send_raw(
        url,
        "POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        f"Content-Length: {len(query)}\r\nConnection: close\r\n\r\n{query}",
    )

    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


async def test_a_wrong_method_gets_the_allowed_methods(
    url: str, client: aiohttp.ClientSession
) -> None:
    async with client.delete(f"{url}/healthz") as got:
        assert (got.status, got.headers["Allow"]) == (405, "GET,HEAD")


@pytest.mark.parametrize("path", ["/", "/style.css", "/healthz"])
async def test_every_page_answers_head_requests(
    url: str, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.head(url + path) as got:
        assert (got.status, await got.read()) == (200, b"")


async def test_a_connection_over_the_limit_is_closed(url: str) -> None:
    port = int(url[17:])
    open_connections = [
        await asyncio.open_connection("127.0.0.1", port) for _ in range(256)
    ]
    reader, rejected = await asyncio.open_connection("127.0.0.1", port)

    async with asyncio.timeout(5):  # an idle connection stays open longer
        assert await reader.read() == b""
    rejected.close()
    for _, writer in open_connections:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in open_connections))
    async with aiohttp.ClientSession() as client, client.get(f"{url}/healthz") as got:
        assert got.status == 200


async def test_no_part_of_a_request_is_logged(
    url: str, client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    agent = {"User-Agent": _CANARY}

    async with client.get(f"{url}/{_CANARY}?{_CANARY}", headers=agent) as got:
        assert got.status == 404
    async with client.get(f"{url}/?period={_CANARY}", headers=agent) as got:
        assert got.status == 400
    await _send_raw(url, f"GET /{_CANARY} HTTP/9 {_CANARY}\r\n\r\n")

    messages = [
        record.getMessage() for record in caplog.records if record.name != "asyncio"
    ]
    assert _CANARY not in " ".join(messages)
    assert "127.0.0.1" not in " ".join(messages)


async def test_unreadable_tables_give_a_503(
    settings: Settings, warehouse: Warehouse, client: aiohttp.ClientSession
) -> None:
    def no_descriptor() -> tuple[str, ...]:
        raise OSError(errno.EMFILE, "Too many open files")

    async with (
        serving(settings, warehouse, no_descriptor) as url,
        client.post(f"{url}/api/v1/query", json=body()) as got,
    ):
        answer = await got.json()

    assert (got.status, got.headers["Retry-After"]) == (503, "2")
    assert answer == {"error": "the tables cannot be read now"}


@pytest.mark.parametrize("path", ["/", "/style.css", "/healthz", "/nothing"])
async def test_no_answer_names_the_library_that_serves_it(
    url: str, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.get(url + path, headers={"Expect": "nonsense"}) as refused:
        assert refused.headers["Server"] == "Millpond"
    async with client.get(url + path) as got:
        assert got.headers["Server"] == "Millpond"
