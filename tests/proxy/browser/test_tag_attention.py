"""Attention and scroll depth: counted while seen, reported once, for the right page.

Pages here have a clock that only the test moves.
"""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page

from tests.proxy.browser.chromium import chromium_alone
from tests.proxy.routes.tag_server import Sent, TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_CLOCK = "globalThis.clock = 1000; performance.now = () => clock;"
_TALL = '<div style="height: 400vh"></div>'

# Puts another tab before this one, comes back to it, and puts one before it again.
_HIDDEN_TWICE = """
    const until = async (isSo) => {
        while (!isSo()) await new Promise((done) => setTimeout(done));
    };
    const attended = () => !document.hidden && document.hasFocus();
    addEventListener("load", async () => {
        await until(attended);
        clock = 4000;
        const tab = open("/other");
        await until(() => document.hidden);
        clock = 60000;
        tab.close();
        await until(attended);
        clock = 62000;
        open("/other");
    });"""


async def test_leaving_a_page_reports_the_attention_it_had(
    page: Page, server: TagServer
) -> None:
    await _open(page, server)

    await page.evaluate("clock += 2500")
    await _leave(page, server)

    assert await _reports(server, 1) == [("/a", 2500, 25)]


async def test_closing_a_tab_reports_the_attention_it_had(
    page: Page, server: TagServer
) -> None:
    await _open(page, server)

    await page.evaluate("clock += 2500")
    await page.close(run_before_unload=True)

    assert await _reports(server, 1) == [("/a", 2500, 25)]


async def test_a_hidden_tab_gathers_no_attention_and_reports_none_twice(
    chromium: Path, server: TagServer, tmp_path: Path
) -> None:
    server.pages["/a"] = f"<script>{_CLOCK}{_HIDDEN_TWICE}</script>{server.tag()}"
    server.pages["/other"] = ""

    async with chromium_alone(chromium, server.url("/a"), tmp_path):
        got = await _reports(server, 2)

    assert got == [("/a", 3000, 100), ("/a", 2000, 100)]


async def test_another_window_in_front_takes_the_attention(
    page: Page, server: TagServer
) -> None:
    await _open(page, server)

    await page.evaluate("clock += 1000")
    await page.evaluate("document.hasFocus = () => false")
    await page.evaluate("dispatchEvent(new Event('blur'))")
    await page.evaluate("clock += 50000")
    await page.evaluate("document.hasFocus = () => true")
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await page.evaluate("clock += 1000")
    await _leave(page, server)

    assert await _reports(server, 1) == [("/a", 2000, 25)]


async def test_a_page_out_of_sight_gathers_no_attention_although_it_has_the_focus(
    page: Page, server: TagServer
) -> None:
    await _open(page, server)

    await page.evaluate("clock += 1000")
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.evaluate("clock += 50000")
    await _leave(page, server)

    assert await _reports(server, 1) == [("/a", 1000, 25)]


async def test_a_browser_that_only_says_the_page_is_left_is_understood(
    page: Page, server: TagServer
) -> None:
    await _open(page, server)

    await page.evaluate("clock += 1000")
    await page.evaluate("dispatchEvent(new Event('pagehide'))")
    await page.evaluate("clock += 50000")
    await _leave(page, server)

    assert await _reports(server, 1) == [("/a", 1000, 25)]


async def test_a_page_without_attention_reports_nothing(
    page: Page, server: TagServer
) -> None:
    await _open(page, server)

    await _leave(page, server)

    assert await _reports(server, 0) == []


@pytest.mark.parametrize(
    ("scroll", "expected"),
    [
        pytest.param("scrollTo(0, 0)", 25, id="the first screen is seen unscrolled"),
        pytest.param("scrollTo(0, innerHeight)", 50, id="one screen down"),
        pytest.param("scrollTo(0, 1e9)", 100, id="the end"),
    ],
)
async def test_scroll_depth_is_the_deepest_point_seen(
    page: Page, server: TagServer, scroll: str, expected: int
) -> None:
    await _open(page, server)

    await _scrolled(page, scroll)
    await _scrolled(page, "scrollTo(0, 0)")
    await page.evaluate("clock += 1000")
    await _leave(page, server)

    assert await _reports(server, 1) == [("/a", 1000, expected)]


async def test_each_page_of_an_application_has_its_own_attention_and_depth(
    page: Page, server: TagServer
) -> None:
    await _open(page, server)

    await _scrolled(page, "scrollTo(0, innerHeight)")
    await page.evaluate("clock += 1000")
    await page.evaluate("history.pushState(0, '', '/b')")
    await _scrolled(page, "scrollTo(0, 0)")
    await page.evaluate("clock += 2000")
    await _leave(page, server)

    assert await _reports(server, 2) == [("/a", 1000, 50), ("/b", 2000, 25)]


async def _open(page: Page, server: TagServer) -> None:
    server.pages["/a"] = server.tag() + _TALL
    server.pages["/next"] = server.tag()
    await page.add_init_script(_CLOCK)
    await page.goto(server.url("/a"))
    await server.named("pageview")


async def _leave(page: Page, server: TagServer) -> None:
    """Go to another page, and wait until that is seen."""
    await page.goto(server.url("/next"))
    await server.until(lambda: any(_path(e) == "/next" for e in server.events))


async def _scrolled(page: Page, scroll: str) -> None:
    """Scroll, and let the page hear of it."""
    await page.evaluate(scroll)
    await page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
    )


async def _reports(server: TagServer, count: int) -> list[tuple[str, int, int]]:
    """Wait for *count* reports; return all there are."""
    return [
        (_path(event), event["engaged_ms"], event["scroll_pct"])
        for event in await server.named("engagement", count)
    ]


def _path(event: Sent) -> str:
    return urlsplit(event["url"]).path
