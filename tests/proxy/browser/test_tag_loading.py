"""The ways in which a page may hold the tag."""

import pytest
from playwright.async_api import Page

from config.settings import ProxySettings
from proxy.routes.tag import tag_script
from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_PREFIXED = ProxySettings(path_prefix="/stats")
_INLINE = tag_script(_PREFIXED).decode()


@pytest.mark.parametrize(
    ("script", "site"),
    [
        pytest.param('async src="/stats/m.js" data-site="shop"', "shop", id="async"),
        pytest.param('defer src="/stats/m.js" data-site="shop"', "shop", id="defer"),
        pytest.param('src="/stats/m.js" data-site="shop"', "shop", id="at once"),
        pytest.param(
            'type="module" src="/stats/m.js" data-site="shop"', "shop", id="a module"
        ),
        pytest.param(
            'async type="module" src="/stats/m.js?v=2" data-site="shop"',
            "shop",
            id="a module, async, with a version",
        ),
        pytest.param('async src="/stats/m.js"', None, id="without a site"),
        pytest.param('data-site="shop"', "shop", id="inlined"),
        pytest.param(
            'data-site="shop" data-api="/stats/v1/events"', "shop", id="inlined, named"
        ),
        pytest.param('type="module"', None, id="inlined as a module"),
    ],
)
async def test_the_tag_works_in_every_kind_of_script(
    page: Page, script: str, site: str | None
) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(error.message))
    page.on("console", lambda message: problems.append(message.text))
    async with TagServer(_PREFIXED) as server:
        content = "" if "src=" in script else _INLINE
        server.pages["/a"] = f"<script {script}>{content}</script>"

        await page.goto(server.url("/a"))
        [view] = await server.named("pageview")

        assert server.received[0].path == "/stats/v1/events"
    assert view.get("site") == site
    assert problems == []


async def test_an_imported_tag_sends_to_the_configured_path(page: Page) -> None:
    async with TagServer(_PREFIXED) as server:
        server.pages["/a"] = "<script type='module'>import '/stats/m.js'</script>"

        await page.goto(server.url("/a"))
        await server.named("pageview")

        assert server.received[0].path == "/stats/v1/events"
