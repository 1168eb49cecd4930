"""Where the tag says nothing, and what it never leaves behind."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_END = "fetch('/', { method: 'POST', body: '{\"name\": \"end\"}' })"


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        pytest.param([], ["pageview"], id="no objection"),
        pytest.param(["noanalytics=1"], [], id="an objection"),
        pytest.param(["a=b", "noanalytics=1", "c=d"], [], id="among other cookies"),
        pytest.param(["noanalytics=0"], ["pageview"], id="an objection withdrawn"),
        pytest.param(["noanalytics=12"], ["pageview"], id="another value"),
        pytest.param(["xnoanalytics=1"], ["pageview"], id="another name"),
    ],
)
async def test_a_visitor_who_objected_sends_nothing(
    page: Page, server: TagServer, cookies: list[str], expected: list[str]
) -> None:
    server.pages["/a"] = server.tag()
    for cookie in cookies:
        name, value = cookie.split("=")
        await page.context.add_cookies(
            [{"name": name, "value": value, "url": server.url("/")}]
        )

    await page.goto(server.url("/a"))
    await _everything(page)
    got = await _names_before_end(page, server)

    assert got[:1] == expected


async def test_an_objection_counts_from_the_moment_it_is_made(
    page: Page, server: TagServer
) -> None:
    server.pages["/a"] = server.tag()

    await page.goto(server.url("/a"))
    await page.evaluate("document.cookie = 'noanalytics=1'")
    await _everything(page)
    got = await _names_before_end(page, server)

    assert got == ["pageview"]


@pytest.mark.parametrize(
    ("host", "attributes", "expected"),
    [
        pytest.param("localhost", "", [], id="localhost"),
        pytest.param("shop.localhost", "", [], id="a name under localhost"),
        pytest.param("127.0.0.1", "", [], id="loopback"),
        pytest.param("localhost", "data-local", ["pageview"], id="asked for"),
        pytest.param("127.0.0.1", "data-local", ["pageview"], id="loopback asked for"),
        pytest.param("localhost.example", "", ["pageview"], id="only alike"),
    ],
)
async def test_a_developers_own_machine_counts_only_where_asked(
    page: Page, server: TagServer, host: str, attributes: str, expected: list[str]
) -> None:
    server.pages["/a"] = server.tag(attributes)

    await page.goto(server.url("/a", host=host))
    await page.evaluate("millpond('x')")
    got = await _names_before_end(page, server)

    assert got[:1] == expected


async def test_a_page_from_a_file_sends_nothing(
    page: Page, server: TagServer, tmp_path: Path
) -> None:
    server.pages["/after"] = ""
    file = tmp_path / "page.html"
    src = server.url("/m.js")
    file.write_text(f'<script src="{src}"></script>', encoding="utf-8")

    await page.goto(file.as_uri())
    await page.evaluate("millpond('x')")
    await page.goto(server.url("/after"))
    got = await _names_before_end(page, server)

    assert got == []


async def test_nothing_is_left_in_the_browser(page: Page, server: TagServer) -> None:
    server.pages["/a"] = server.tag()

    await page.goto(server.url("/a"))
    await _everything(page)
    await server.named("x")
    state = await page.context.storage_state(indexed_db=True)
    left = await page.evaluate(
        """async () => [
            document.cookie,
            localStorage.length,
            sessionStorage.length,
            (await indexedDB.databases()).length,
            window.name,
            history.state,
        ]"""
    )

    assert state == {"cookies": [], "origins": []}
    assert left == ["", 0, 0, 0, "", None]


async def _everything(page: Page) -> None:
    """Do all that the tag reports: an event, a navigation, a click."""
    await page.evaluate(
        """() => {
            millpond("x");
            history.pushState(null, "", "/b");
            const link = document.createElement("a");
            link.href = "http://other.example/";
            link.onclick = () => false;
            document.body.append(link);
            link.click();
        }"""
    )


async def _names_before_end(page: Page, server: TagServer) -> list[str]:
    """Return the names of what was sent before an event that the test sends last."""
    await page.evaluate(_END)
    await server.named("end")
    return [event["name"] for event in server.events if event["name"] != "end"]
