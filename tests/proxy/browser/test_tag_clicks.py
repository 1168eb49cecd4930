"""Links out of the site and downloads: counted by host and by file, nothing more."""

import pytest
from playwright.async_api import Page

from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# The page's own code keeps the browser where it is; the tag still sees each click.
_STAY = '<script>addEventListener("click", (e) => e.preventDefault())</script>'


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        pytest.param(
            '<a href="https://other.example/secret?q=1#x">x</a>',
            ("outbound", {"host": "other.example"}),
            id="another host, without path and query",
        ),
        pytest.param(
            '<a href="//other.example:81/"><b>x</b></a>',
            ("outbound", {"host": "other.example"}),
            id="a click on what stands inside the link",
        ),
        pytest.param(
            '<a href="//other.example/" onclick="event.stopPropagation();'
            ' return false">x</a>',
            ("outbound", {"host": "other.example"}),
            id="a page that keeps its clicks to itself",
        ),
        pytest.param('<a href="/next">x</a>', None, id="a page of the site"),
        pytest.param('<a href="mailto:a@b.example">x</a>', None, id="an address"),
        pytest.param("<a>x</a>", None, id="a link without address"),
        pytest.param(
            '<svg><a href="https://other.example/"><text y="9">x</text></a></svg>',
            None,
            id="a link inside a drawing",
        ),
        pytest.param(
            '<a href="/files/Prices%202026.PDF?v=2">x</a>',
            ("download", {"file": "Prices%202026.PDF"}),
            id="a file by its ending",
        ),
        pytest.param(
            '<a href="https://other.example/a/b.zip">x</a>',
            ("download", {"file": "b.zip"}),
            id="a file elsewhere is a download, not both",
        ),
        pytest.param(
            '<a href="/export" download>x</a>',
            ("download", {"file": "export"}),
            id="a file by its attribute",
        ),
        pytest.param('<a href="/zip">x</a>', None, id="an ending without a dot"),
        pytest.param("<p>x</p>", None, id="no link at all"),
    ],
)
async def test_clicks(
    page: Page,
    server: TagServer,
    link: str,
    expected: tuple[str, dict[str, str]] | None,
) -> None:
    server.pages["/a"] = server.tag() + _STAY + link

    await page.goto(server.url("/a"))
    await page.click("text=x")
    got = await _clicks_before_end(page, server)

    assert got == ([expected] if expected else [])


async def test_a_middle_click_counts_and_a_right_click_does_not(
    page: Page, server: TagServer
) -> None:
    server.pages["/a"] = server.tag() + '<a href="http://other.example/">x</a>'

    await page.goto(server.url("/a"))
    await page.click("a", button="right")
    middle = await _clicks_before_end(page, server)
    await page.click("a", button="middle")
    await server.named("outbound")

    assert middle == []
    assert len(await server.named("outbound")) == 1


async def test_a_click_is_sent_although_the_page_is_left(
    page: Page, server: TagServer
) -> None:
    outside = server.url("/out", host="other.example")
    server.pages["/a"] = server.tag() + f'<a href="{outside}">x</a>'
    server.pages["/out"] = ""

    await page.goto(server.url("/a"))
    await page.click("a")
    [sent] = await server.named("outbound")

    assert (sent["url"], sent["props"]) == (
        server.url("/a"),
        {"host": "other.example"},
    )


async def _clicks_before_end(
    page: Page, server: TagServer
) -> list[tuple[str, dict[str, str]]]:
    """Return the clicks sent before an event that the test sends last."""
    await page.evaluate("millpond('end')")
    await server.named("end")
    return [
        (event["name"], event["props"])
        for event in server.events
        if event["name"] in ("outbound", "download")
    ]
