"""How events reach the server: by fetch, again with the same id until it has them."""

import json

import pytest
from playwright.async_api import Page

from config.settings import ProxySettings
from tests.proxy.routes.tag_server import NO_ANSWER, TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Waits are noted, and over at once.
_WAITS = """
    globalThis.waits = [];
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (run, wait, ...rest) => {
        waits.push(wait);
        return setTimeout(run, 0, ...rest);
    };"""
# Waits are over when the test says so.
_LONG_WAITS = (
    "globalThis.setTimeout = (run) => { globalThis.tryAgain = run; return 1; };"
)
_ALL_WAITS = [1000 * tries**2 for tries in range(1, 10)]
_END = "fetch('/', { method: 'POST', body: '{\"name\": \"end\"}' })"


@pytest.mark.parametrize(
    ("prefix", "tag_path"),
    [
        pytest.param("", "/m.js", id="as it comes"),
        pytest.param("/stats", "/m.js", id="under a prefix"),
        pytest.param("", "/js/shop/menu.js", id="renamed into folders"),
        pytest.param("/a/b", "/x/y.js", id="both"),
    ],
)
async def test_events_go_beside_the_tag(page: Page, prefix: str, tag_path: str) -> None:
    settings = ProxySettings(path_prefix=prefix, tag_path=tag_path)
    async with TagServer(settings) as server:
        server.pages["/deep/page"] = server.tag()

        await page.goto(server.url("/deep/page"))
        await server.named("pageview")

        assert server.received[0].path == f"{prefix}/v1/events"


async def test_data_api_sends_events_elsewhere(page: Page, server: TagServer) -> None:
    api = server.url("/collect/v1/events", host="other.example")
    server.pages["/a"] = server.tag(f'data-api="{api}"')

    await page.goto(server.url("/a"))
    await server.named("pageview")

    assert server.received[0].path == "/collect/v1/events"
    assert server.received[0].headers["host"] == f"other.example:{server.port}"


@pytest.mark.parametrize(
    "beacon",
    [
        pytest.param("() => true", id="a blocked beacon that looks sent"),
        pytest.param("() => false", id="a beacon refused"),
        pytest.param("undefined", id="no beacon"),
    ],
)
async def test_nothing_depends_on_the_beacon(
    page: Page, server: TagServer, beacon: str
) -> None:
    server.pages["/a"] = server.tag()
    await page.add_init_script(f"navigator.sendBeacon = {beacon}")

    await page.goto(server.url("/a"))

    assert len(await server.named("pageview")) == 1


async def test_no_cookie_is_sent_along(page: Page, server: TagServer) -> None:
    server.pages["/a"] = server.tag()
    await page.context.add_cookies(
        [{"name": "login", "value": "secret", "url": server.url("/")}]
    )

    await page.goto(server.url("/a"))
    await server.named("pageview")

    headers = server.received[0].headers
    assert "cookie" not in headers
    assert headers["content-type"] == "text/plain;charset=UTF-8"


@pytest.mark.parametrize(
    ("statuses", "expected_statuses", "expected_waits"),
    [
        pytest.param([503, 202], [503, 202], [1000], id="busy, then kept"),
        pytest.param([429, 202], [429, 202], [1000], id="too many, then kept"),
        pytest.param(
            [NO_ANSWER, 202], [NO_ANSWER, 202], [1000], id="no answer, then kept"
        ),
        pytest.param([502] * 99, [502] * 10, _ALL_WAITS, id="nine more tries at most"),
        pytest.param([400] * 9, [400], [], id="a refusal is final"),
        pytest.param([202], [202], [], id="kept at once"),
    ],
)
async def test_what_the_server_could_not_keep_is_sent_again_with_its_id(
    page: Page,
    server: TagServer,
    statuses: list[int],
    expected_statuses: list[int],
    expected_waits: list[int],
) -> None:
    server.pages["/a"] = server.tag()
    server.statuses = statuses
    await page.add_init_script(_WAITS)

    await page.goto(server.url("/a"))
    views = await server.named("pageview", len(expected_statuses))
    # The answer to this is the last: no wait can begin after it.
    server.statuses = []
    await page.evaluate(_END)

    tries = [r for r in server.received if r.event["name"] == "pageview"]
    assert [r.status for r in tries] == expected_statuses
    assert all(view == views[0] for view in views)
    assert await page.evaluate("waits") == expected_waits


async def test_events_wait_for_the_ones_before_and_go_out_together(
    page: Page, server: TagServer
) -> None:
    await _open_while_down(page, server)

    await page.evaluate("millpond('x'); millpond('y')")
    await page.evaluate("tryAgain()")
    await server.named("y")

    assert [r.event["name"] for r in server.received if r.status == 202] == [
        "pageview",
        "x",
        "y",
    ]
    first, again = await server.named("pageview")
    assert first == again


async def test_leaving_the_page_tries_once_more(page: Page, server: TagServer) -> None:
    await _open_while_down(page, server)

    await page.goto(server.url("/next"))
    first, again = await server.named("pageview", 2)

    assert first == again


async def test_a_later_event_tries_again_when_all_tries_failed(
    page: Page, server: TagServer
) -> None:
    server.pages["/a"] = server.tag()
    server.statuses = [503] * 10
    await page.add_init_script(_WAITS)

    await page.goto(server.url("/a"))
    await server.named("pageview", 10)
    await page.wait_for_function("waits.length == 9")
    await page.evaluate(_END)
    await page.evaluate("millpond('x')")
    await server.named("x")

    kept = [r.event["name"] for r in server.received if r.status == 202]
    assert kept == ["end", "pageview", "x"]


async def test_an_objection_also_holds_for_what_waits(
    page: Page, server: TagServer
) -> None:
    await _open_while_down(page, server)

    await page.evaluate("document.cookie = 'noanalytics=1'")
    await page.evaluate("tryAgain()")
    await page.evaluate(_END)
    await server.named("end")

    assert [event["name"] for event in server.events] == ["pageview", "end"]


async def test_at_most_a_hundred_events_wait(page: Page, server: TagServer) -> None:
    await _open_while_down(page, server)

    await page.evaluate("for (let n = 0; n < 200; n++) millpond('x')")
    await page.evaluate("tryAgain()")
    await server.named("x")

    assert len([r for r in server.received if r.status == 202]) == 100


async def test_an_event_larger_than_browsers_send_after_the_page_arrives(
    page: Page, server: TagServer
) -> None:
    server.pages["/a"] = server.tag()
    props = {"text": "x" * 100_000}

    await page.goto(server.url("/a"))
    await server.named("pageview")
    await page.evaluate(f"millpond('x', {json.dumps(props)})")
    [sent] = await server.named("x")

    assert sent["props"] == props


async def _open_while_down(page: Page, server: TagServer) -> None:
    """Open a page whose view cannot be kept; the next try is the test's."""
    server.pages["/a"] = server.tag()
    server.pages["/next"] = ""
    server.statuses = [503]
    await page.add_init_script(_LONG_WAITS)
    await page.goto(server.url("/a"))
    await server.named("pageview")
    await page.wait_for_function("!!globalThis.tryAgain")
