"""The content security policy of docs/questions.md, in a browser that obeys it."""

import re

import pytest
from playwright.async_api import Page

from tests.processes import ROOT
from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_PAGE = ROOT / "docs" / "questions.md"
_ORDER = 'millpond("order_placed", {}, { order: { id: "1001", value: "59.90" } })'
# Says when the tag is there to be called, without code in the page.
_READY = "() => typeof millpond == 'function'"
# Adds the tag as a router's component would, from a file of the site.
_ADD = """(src) => {
    const script = document.createElement("script");
    script.src = src;
    script.dataset.site = "shop";
    document.head.append(script);
}"""


def policy() -> str:
    """Return the policy of the page, with nothing else allowed."""
    text = _PAGE.read_text(encoding="utf-8")
    [found] = re.findall(r"(?m)^Content-Security-Policy: (.+)$", text)
    return f"default-src 'none'; {found}"


def under_policy(body: str) -> str:
    """Return a page that the policy holds for."""
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy()}">'
    return head + body


async def test_the_tag_and_the_order_work_under_the_policy(
    page: Page, server: TagServer
) -> None:
    order = f'<script nonce="RANDOM">addEventListener("load", () => {_ORDER})</script>'
    server.pages["/thanks"] = under_policy(server.tag() + order)

    await page.goto(server.url("/thanks"))
    [placed] = await server.named("order_placed")
    await server.named("pageview")

    assert placed["order"] == {"id": "1001", "value": "59.90"}


async def test_the_order_needs_the_nonce(page: Page, server: TagServer) -> None:
    order = f'<script>addEventListener("load", () => {_ORDER})</script>'
    server.pages["/thanks"] = under_policy(server.tag() + order)

    await page.goto(server.url("/thanks"))
    await page.wait_for_function(_READY)
    await page.evaluate('millpond("after")')
    await server.named("after")

    assert "order_placed" not in [event["name"] for event in server.events]


async def test_a_page_that_allows_only_itself_stops_a_tag_of_another_origin(
    page: Page, server: TagServer
) -> None:
    foreign = server.url("/m.js", host="stats.example")
    api = server.url("/v1/events")
    server.pages["/a"] = under_policy(
        f'<script defer src="{foreign}" data-api="{api}"></script>' + server.tag()
    )

    await page.goto(server.url("/a"))
    await server.named("pageview")

    assert server.requested.count("/m.js") == 1


async def test_a_tag_that_a_script_adds_later_counts_the_page(
    page: Page, server: TagServer
) -> None:
    server.pages["/app"] = "<p>one page</p>"

    await page.goto(server.url("/app"))
    await page.evaluate(_ADD, server.url("/m.js"))
    [viewed] = await server.named("pageview")
    await page.evaluate(_ADD, server.url("/m.js"))
    await page.evaluate('history.pushState({}, "", "/app/2")')
    views = await server.named("pageview", 2)

    assert viewed["url"] == server.url("/app")
    assert [view["url"] for view in views] == [
        server.url("/app"),
        server.url("/app/2"),
    ]
