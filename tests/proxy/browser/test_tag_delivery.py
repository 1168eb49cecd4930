"""How events reach the server: by beacon, else by fetch, again with the same id."""

import pytest
from playwright.async_api import Page

from config.settings import ProxySettings
from tests.proxy.routes.tag_server import NO_ANSWER, TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_NO_BEACON = "Object.defineProperty(navigator, 'sendBeacon', { value: undefined });"
_FULL_BEACON = "navigator.sendBeacon = () => false;"
# Waits are noted, and over at once.
_WAITS = """
    globalThis.waits = [];
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (run, wait, ...rest) => {
        waits.push(wait);
        return setTimeout(run, 0, ...rest);
    };"""


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
        pytest.param(_NO_BEACON, id="a browser without beacons"),
        pytest.param(_FULL_BEACON, id="a beacon refused"),
    ],
)
async def test_fetch_stands_in_for_the_beacon_and_takes_no_cookie_along(
    page: Page, server: TagServer, beacon: str
) -> None:
    server.pages["/a"] = server.tag()
    await page.context.add_cookies(
        [{"name": "login", "value": "secret", "url": server.url("/")}]
    )
    await page.add_init_script(beacon)

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
        pytest.param([503] * 9, [503] * 3, [1000, 4000], id="three tries at most"),
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
    await page.add_init_script(_FULL_BEACON + _WAITS)

    await page.goto(server.url("/a"))
    views = await server.named("pageview", len(expected_statuses))
    # The answer to this is the last: no wait can begin after it.
    server.statuses = []
    await page.evaluate("fetch('/', { method: 'POST', body: '{\"name\": \"end\"}' })")

    tries = [r for r in server.received if r.event["name"] == "pageview"]
    assert [r.status for r in tries] == expected_statuses
    assert all(view == views[0] for view in views)
    assert await page.evaluate("waits") == expected_waits
