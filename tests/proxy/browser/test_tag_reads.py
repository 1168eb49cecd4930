"""What the tag asks a browser about its visitor: the short list in docs/tag.md."""

import pytest
from playwright.async_api import Page

from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Every property by which a page can learn of the visitor's browser notes its reading.
_NOTED = """
    globalThis.reads = new Set();
    const note = (owner, label) => {
        const found = Object.getOwnPropertyDescriptors(owner);
        for (const [name, { get, set, value, configurable }] of Object.entries(found)) {
            if (!configurable || name == "constructor" || name == "reads") continue;
            const isMethod = typeof value == "function" && !value.prototype;
            if (!get && !isMethod) continue;
            Object.defineProperty(owner, name, {
                configurable: true,
                set,
                get() {
                    reads.add(`${label}.${name}`);
                    return get ? get.call(this) : value;
                },
            });
        }
    };
    note(window, "window");
    note(Navigator.prototype, "navigator");
    note(Screen.prototype, "screen");
    note(Document.prototype, "document");
    note(History.prototype, "history");
    note(Performance.prototype, "performance");
    note(Crypto.prototype, "crypto");
    note(HTMLCanvasElement.prototype, "canvas");
    reads.clear();"""


# All that the tag reports, one after the other; then what it read to do so.
_VISIT = """<script defer src='data:text/javascript,
    millpond("joined");
    link.click();
    history.pushState(0, "", "/b");
    dispatchEvent(new Event("scroll"));
    dispatchEvent(new Event("pagehide"));
    setTimeout(() => {
        const body = JSON.stringify({ name: "end", reads: [...reads] });
        fetch("/", { method: "POST", body });
    });
'></script>"""


async def test_the_tag_reads_nothing_that_is_not_listed(
    page: Page, server: TagServer
) -> None:
    link = '<a id="link" target="_blank" href="http://other.example/">x</a>'
    # Deferred scripts run in their order.
    tag = server.tag().replace("async", "defer")
    server.pages["/a"] = tag + link + _VISIT
    await page.add_init_script(_NOTED)

    await page.goto(server.url("/a"))
    [end] = await server.named("end")

    assert sorted(end["reads"]) == [
        "crypto.getRandomValues",
        "document.cookie",
        "document.currentScript",
        "document.documentElement",
        "document.hasFocus",
        "document.hidden",
        "document.prerendering",
        "document.referrer",
        # By the page itself: the tag only needs it where there is no Navigation API.
        "history.pushState",
        "navigator.language",
        "performance.now",
        "screen.height",
        "screen.width",
        "window.crypto",
        # Neither this nor the timer says anything of the visitor.
        "window.fetch",
        "window.history",
        "window.innerHeight",
        "window.navigation",
        "window.navigator",
        "window.performance",
        "window.screen",
        "window.scrollY",
        "window.setTimeout",
    ]
