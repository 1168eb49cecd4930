"""What a page view is: each page seen once, on whatever way it came into sight."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.proxy.browser.chromium import chromium_alone
from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_BACK = """new Promise((done) => {
    addEventListener("popstate", () => setTimeout(done), { once: true });
    history.back();
})"""


async def test_a_page_view_is_a_native_event_sent_as_text(
    page: Page, server: TagServer
) -> None:
    server.pages["/p/42"] = server.tag()
    size = page.viewport_size

    await page.goto(server.url("/p/42?utm_source=x"))
    [sent] = await server.named("pageview")

    assert size is not None
    assert sent.pop("id")
    assert sent == {
        "site": "shop",
        "name": "pageview",
        "url": server.url("/p/42?utm_source=x"),
        "referrer": "",
        "lang": "en-US",
        "screen": [size["width"], size["height"]],
    }
    assert server.received[0].path == "/v1/events"
    # Plain text is what a browser sends to another origin without asking first.
    assert server.received[0].headers["content-type"] == "text/plain;charset=UTF-8"


async def test_the_first_view_names_the_page_that_linked_here(
    page: Page, server: TagServer
) -> None:
    server.pages["/from"] = f'<a href="{server.url("/to")}">to</a>'
    server.pages["/to"] = server.tag()

    await page.goto(server.url("/from", host="other.example"))
    await page.click("a")
    [sent] = await server.named("pageview")

    assert sent["referrer"] == server.url("/", host="other.example")


@pytest.mark.parametrize(
    ("opened", "sent_as"),
    [
        ("/a#token=secret", "/a#"),
        ("/a?x=1#utm_source=june&utm_medium=email", None),
        ("/a#/?utm_source=june", "/a#utm_source=june"),
        ("/a#token=secret&utm_source=june", "/a#utm_source=june"),
    ],
)
async def test_of_a_fragment_only_a_campaign_leaves_the_browser(
    page: Page, server: TagServer, opened: str, sent_as: str | None
) -> None:
    server.pages["/a"] = server.tag()

    await page.goto(server.url(opened))
    [sent] = await server.named("pageview")

    assert sent["url"] == server.url(sent_as or opened)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param(
            ["history.pushState(0, '', '/b')", "history.pushState(0, '', '/c')"],
            [("/a", None), ("/b", "/a"), ("/c", "/b")],
            id="each pushed path is a view, referred by the one before",
        ),
        pytest.param(
            ["history.pushState(0, '', '/a')"],
            [("/a", None)],
            id="the same path pushed is none",
        ),
        pytest.param(
            ["history.pushState(0, '', '?page=2')"],
            [("/a", None), ("/a?page=2", "/a")],
            id="a pushed query is a view",
        ),
        pytest.param(
            ["history.replaceState(0, '', '/b')"],
            [("/a", None), ("/b", "/a")],
            id="a replaced path is a view",
        ),
        pytest.param(
            [
                "history.replaceState(0, '', '?q=s')",
                "history.replaceState(0, '', '?q=so')",
            ],
            [("/a", None)],
            id="a query replaced while typing is none",
        ),
        pytest.param(
            ["history.pushState(0, '', '/b')", _BACK],
            [("/a", None), ("/b", "/a"), ("/a", "/b")],
            id="going back is a view",
        ),
        pytest.param(
            ["location.hash = 'size'", _BACK],
            [("/a", None)],
            id="a jump within the page is none",
        ),
    ],
)
async def test_views_of_a_single_page_application(
    page: Page,
    server: TagServer,
    steps: list[str],
    expected: list[tuple[str, str | None]],
) -> None:
    server.pages["/a"] = server.tag()

    await page.goto(server.url("/a"))
    got = await _views_after(page, server, steps)

    assert got == expected


_ROUTER = """<script>
    globalThis.push = history.pushState.bind(history);
    globalThis.replace = history.replaceState.bind(history);
    globalThis.wrapped = history.pushState;
    history.pushState = function (...call) { return wrapped.apply(this, call); };
</script>"""
_NO_NAVIGATION = "Object.defineProperty(window, 'navigation', { value: undefined });"
_NAVIGATE = """(async () => {
    navigation.onnavigate = (event) => event.intercept();
    await navigation.navigate("/b").finished;
})()"""


@pytest.mark.parametrize(
    ("script", "steps", "expected"),
    [
        pytest.param("", ["push(0, '', '/b')"], "/b", id="taken before the tag"),
        pytest.param("", ["push(0, '', '?b')"], "/a?b", id="a query, taken before"),
        pytest.param(
            "",
            ["History.prototype.pushState.call(history, 0, '', '/b')"],
            "/b",
            id="of the prototype",
        ),
        pytest.param("", ["history.pushState(0, '', '/b')"], "/b", id="wrapped before"),
        pytest.param("", [_NAVIGATE], "/b", id="the Navigation API"),
        pytest.param(
            _NO_NAVIGATION, ["push(0, '', '/b')"], "/b", id="taken before, looked up"
        ),
        pytest.param(
            _NO_NAVIGATION,
            ["History.prototype.pushState.call(history, 0, '', '/b')"],
            "/b",
            id="of the prototype, looked up",
        ),
        pytest.param(
            _NO_NAVIGATION,
            ["history.pushState(0, '', '?b')"],
            "/a?b",
            id="wrapped before, and by us",
        ),
    ],
)
async def test_no_router_gets_past_the_tag(
    page: Page, server: TagServer, script: str, steps: list[str], expected: str
) -> None:
    server.pages["/a"] = _ROUTER + server.tag()
    await page.add_init_script(script)

    await page.goto(server.url("/a"))
    await server.named("pageview")
    for step in steps:
        await page.evaluate(step)
    await server.named("pageview", 2)

    assert await _views_after(page, server, []) == [("/a", None), (expected, "/a")]


@pytest.mark.parametrize("script", ["", _NO_NAVIGATION])
@pytest.mark.parametrize(
    ("start", "redirected"), [("/a", "/a/"), ("/a/", "/a"), ("/a?x=1", "/a/?x=1")]
)
async def test_a_slash_that_comes_or_goes_is_no_second_view(
    page: Page, server: TagServer, start: str, redirected: str, script: str
) -> None:
    redirect = f"""<script defer src="data:text/javascript,
        history.replaceState(0, '', '{redirected}')"></script>"""
    server.pages["/a"] = server.pages["/a/"] = (
        server.tag().replace("async", "defer") + redirect
    )
    await page.add_init_script(script)

    await page.goto(server.url(start))
    got = await _views_after(page, server, ["history.pushState(0, '', '/b')"])

    assert got == [(start, None), ("/b", start)]


@pytest.mark.parametrize("script", ["", _NO_NAVIGATION])
async def test_the_page_s_own_calls_of_the_history_keep_their_errors(
    page: Page, server: TagServer, script: str
) -> None:
    server.pages["/a"] = server.tag()
    await page.add_init_script(script)

    await page.goto(server.url("/a"))
    await server.named("pageview")
    got = await page.evaluate(
        """() => {
            try { history.pushState(0, "", "https://other.example/"); }
            catch (error) { return error.name; }
        }"""
    )

    assert got == "SecurityError"


@pytest.mark.parametrize(
    ("start", "steps", "expected"),
    [
        pytest.param(
            "/a/",
            ["location.hash = '/cart?token=secret'", "location.hash = '#!/pay'"],
            [("/a/", None), ("/a/cart", "/a/"), ("/a/pay", "/a/cart")],
            id="routes stand behind the path",
        ),
        pytest.param("/a#/cart", [], [("/a/cart", None)], id="a route opened at once"),
        pytest.param(
            "/a/",
            ["location.hash = '/'", "location.hash = 'size'"],
            [("/a/", None)],
            id="the root and a jump within the page are none",
        ),
    ],
)
async def test_views_by_hash_routes(
    page: Page,
    server: TagServer,
    start: str,
    steps: list[str],
    expected: list[tuple[str, str | None]],
) -> None:
    server.pages["/a"] = server.pages["/a/"] = server.tag("data-hash")

    await page.goto(server.url(start))
    got = await _views_after(page, server, steps)

    assert got == expected


async def test_a_page_back_from_the_cache_is_seen_again(
    page: Page, server: TagServer
) -> None:
    server.pages["/a"] = f"""{server.tag()}<a href="/b">b</a><script>
        addEventListener("pageshow", ({{ persisted }}) =>
            persisted && navigator.sendBeacon("/", '{{"name": "persisted"}}'))
        </script>"""
    server.pages["/b"] = server.tag()

    await page.goto(server.url("/a"))
    await page.click("a")
    await server.named("pageview", 2)
    # The page is not loaded again, so there is no load to wait for.
    await page.go_back(wait_until="commit")
    await server.named("persisted")
    views = await server.named("pageview", 3)

    a, b = server.url("/a"), server.url("/b")
    assert [(view["url"], view["referrer"]) for view in views] == [
        (a, ""),
        (b, a),
        (a, a),
    ]
    assert server.requested.count("/a") == 1


async def test_a_prerendered_page_counts_when_it_is_shown(
    chromium: Path, server: TagServer, tmp_path: Path
) -> None:
    server.pages["/a"] = """<script type="speculationrules">
        {"prerender": [{"urls": ["/b"], "eagerness": "immediate"}]}
        </script><script>
        fetch("/gate").then(() => { location.href = "/b"; });
        </script>"""
    server.pages["/b"] = f"""{server.tag("data-local")}<script>
        addEventListener("load", () => fetch("/", {{
            method: "POST",
            body: JSON.stringify({{name: "loaded", is_early: document.prerendering}}),
        }}))</script>"""

    # Only secure origins, of which localhost is one, may have pages prerendered.
    async with chromium_alone(chromium, server.url("/a", host="localhost"), tmp_path):
        await server.named("loaded")
        before = server.events
        server.gate.set()
        await server.named("pageview")

    assert before == [{"name": "loaded", "is_early": True}]
    assert server.requested.count("/b") == 1


async def test_a_tag_that_stands_twice_counts_once(
    page: Page, server: TagServer
) -> None:
    server.pages["/a"] = server.tag() + server.tag()

    await page.goto(server.url("/a"))
    got = await _views_after(page, server, [])

    assert got == [("/a", None)]


async def test_a_tab_that_closes_at_once_was_seen(
    page: Page, server: TagServer
) -> None:
    server.pages["/a"] = ""
    # Deferred scripts run in their order: the tag has begun when the tab closes.
    server.pages["/b"] = (
        server.tag().replace("async", "defer")
        + '<script defer src="data:text/javascript,close()"></script>'
    )

    await page.goto(server.url("/a"))
    await page.evaluate("void (globalThis.tab = open('/b'))")
    await page.wait_for_function("tab.closed")
    views = await server.named("pageview")

    assert views[0]["url"] == server.url("/b")
    # A browser may take back its word about what was on its way. The id is the same.
    assert {view["id"] for view in views} == {views[0]["id"]}


async def _views_after(
    page: Page, server: TagServer, steps: list[str]
) -> list[tuple[str, str | None]]:
    """Run *steps* in the page; return its views so far as (URL, referrer) paths."""
    for step in steps:
        await page.evaluate(step)
    await page.evaluate("millpond('end')")
    await server.named("end")
    root = server.url("")
    return [
        (_path(root, view["url"]), _path(root, view["referrer"]) or None)
        for view in await server.named("pageview")
    ]


def _path(root: str, url: str) -> str:
    # A URL ends with "#" where the tag left the fragment out.
    return url.removeprefix(root).removesuffix("#")
