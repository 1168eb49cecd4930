"""Links out of the site and downloads: counted by host and by file, nothing more."""

from typing import Any

import pytest
from playwright.async_api import Page, Route

from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_SHADOW = """<div id="host"></div><script>
    host.attachShadow({ mode: "open" }).innerHTML =
        '<a href="https://other.example/"><b>x</b></a>';
</script>"""
_WRAPPED = """<a href="https://other.example/"><div id="host"></div></a><script>
    host.attachShadow({ mode: "open" }).innerHTML = "<b>x</b>";
</script>"""
_BLOB = """<a id="blob" download="Prices.csv">x</a><script>
    blob.href = URL.createObjectURL(new Blob(["a,b"]));
</script>"""
_OUT = ("outbound", {"host": "other.example"})


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        pytest.param(
            '<a href="https://other.example/secret?q=1#x">x</a>',
            _OUT,
            id="another host, without path and query",
        ),
        pytest.param(
            '<a href="//other.example:81/"><b>x</b></a>',
            _OUT,
            id="a click on what stands inside the link",
        ),
        pytest.param(
            '<a href="//other.example/" onclick="event.stopPropagation()">x</a>',
            _OUT,
            id="a page that keeps its clicks to itself",
        ),
        pytest.param(
            '<a href="//other.example/" onclick="return false">x</a>',
            None,
            id="a click that the page prevents",
        ),
        pytest.param(
            '<a href="/a.pdf" onclick="event.stopPropagation(); return false">x</a>',
            None,
            id="a download that the page prevents, and keeps to itself",
        ),
        pytest.param('<a href="/next">x</a>', None, id="a page of the site"),
        pytest.param('<a href="mailto:a@b.example">x</a>', None, id="an address"),
        pytest.param("<a>x</a>", None, id="a link without address"),
        pytest.param(
            '<a target="_blank" href="http://[">x</a>', None, id="no address at all"
        ),
        pytest.param(
            '<svg><a href="https://other.example/"><text y="9">x</text></a></svg>',
            _OUT,
            id="a link inside a drawing",
        ),
        pytest.param(
            '<svg><a xlink:href="//other.example/"><text y="9">x</text></a></svg>',
            _OUT,
            id="a link inside a drawing, as it was written once",
        ),
        pytest.param(
            '<svg><a href="/a.pdf"><text y="9">x</text></a></svg>',
            ("download", {"file": "a.pdf"}),
            id="a file inside a drawing",
        ),
        pytest.param(_SHADOW, _OUT, id="inside a shadow root"),
        pytest.param(_WRAPPED, _OUT, id="around a shadow root"),
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
        pytest.param(
            _BLOB, ("download", {"file": "Prices.csv"}), id="a file the page made"
        ),
        pytest.param(
            '<a href="data:text/csv,secret" download="a.csv">x</a>',
            ("download", {"file": "a.csv"}),
            id="a file in the link itself",
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
    problems = await _open(page, server, link)

    await page.click("text=x")
    got = await _clicks_before_end(page, server)

    assert got == ([expected] if expected else [])
    assert problems == []


async def test_an_area_of_a_picture_is_a_link(page: Page, server: TagServer) -> None:
    picture = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"
    await _open(
        page,
        server,
        f"""<img src="{picture}" usemap="#map" width="50" height="50"><map name="map">
        <area shape="rect" coords="0,0,50,50" href="https://other.example/"></map>""",
    )

    await page.mouse.click(30, 30)
    got = await _clicks_before_end(page, server)

    assert got == [_OUT]


@pytest.mark.parametrize(
    "step",
    [
        "document.dispatchEvent(new MouseEvent('click', { bubbles: true }))",
        "window.dispatchEvent(new MouseEvent('click'))",
        "document.dispatchEvent(new Event('click', { bubbles: true }))",
        "document.documentElement.remove(); dispatchEvent(new Event('pagehide'))",
        "document.dispatchEvent(new Event('scroll'))",
    ],
)
async def test_no_event_of_the_page_reaches_its_console(
    page: Page, server: TagServer, step: str
) -> None:
    problems = await _open(page, server, "")

    await page.evaluate(step)
    await page.evaluate("new Promise((done) => setTimeout(done, 50))")

    assert problems == []


async def test_a_middle_click_counts_and_a_right_click_does_not(
    page: Page, server: TagServer
) -> None:
    await _open(page, server, '<a href="http://other.example/">x</a>')

    await page.click("a", button="right")
    right = await _clicks_before_end(page, server)
    await page.click("a", button="middle")
    await server.named("outbound")

    assert right == []
    assert len(await server.named("outbound")) == 1


async def test_a_click_is_sent_although_the_page_is_left(
    page: Page, server: TagServer
) -> None:
    outside = server.url("/out", host="other.example")
    server.pages["/a"] = server.tag() + f'<a href="{outside}">x</a>'
    server.pages["/out"] = ""

    await page.goto(server.url("/a"))
    await server.named("pageview")
    await page.click("a")
    [sent] = await server.named("outbound")

    assert (sent["url"], sent["props"]) == (
        server.url("/a"),
        {"host": "other.example"},
    )


async def _open(page: Page, server: TagServer, content: str) -> list[str]:
    """Open a page that no link leads out of; return what its console will say."""

    async def stay(route: Route) -> None:
        await route.fulfill(status=204)

    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(error.message))
    page.on("console", lambda message: problems.append(message.text))
    server.pages["/a"] = server.tag() + content
    await page.goto(server.url("/a"))
    await server.named("pageview")
    # The browser asks for the other page, and gets none.
    await page.context.route(_is_elsewhere, stay)
    return problems


def _is_elsewhere(url: str) -> bool:
    return "//shop.example" not in url or url.endswith(
        ("/next", ".pdf", ".PDF?v=2", "/zip")
    )


async def _clicks_before_end(
    page: Page, server: TagServer
) -> list[tuple[str, dict[str, Any]]]:
    """Return the clicks sent before an event that the test sends last."""
    await page.evaluate(
        "new Promise((done) => setTimeout(done)).then(() => millpond('end'))"
    )
    await server.named("end")
    return [
        (event["name"], event["props"])
        for event in server.events
        if event["name"] in ("outbound", "download")
    ]
