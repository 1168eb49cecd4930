"""A visit to the sample shop in a real Chromium becomes the right figures."""

import json
from collections import Counter
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from tests.processes import Installation, install, running
from tests.programs import need
from tests.proxy.browser.chromium import FLAGS
from tests.waiting import wait_until
from warehouse.schema import EVENTS, SESSIONS
from warehouse.tables import Warehouse

pytestmark = [pytest.mark.browser, pytest.mark.crash]

# Headless Chromium calls itself a bot, and is believed.
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36"
)
ROLES = ("proxy worker 0 --demo", "batcher run", "reports serve")
CONFIG = """\
[proxy]
port = {port}

[privacy]
salt_store = "data/salts"

[spool]
segment_max_s = 1

[jobs]
load_every_s = 1
build_every_s = 1

[reports]
port = {reports_port}

[[sites]]
id = "demo"
domains = ["demo.example"]
"""
PAGES = ("", "kettle.html", "cart.html", "guide.html", "guide-pack.html")
NAMED = {
    "pageview": 5,
    "product_viewed": 1,
    "cart_updated": 1,
    "checkout_started": 1,
    "order_placed": 1,
}
SESSION = {
    "entry_path": "/demo/",
    "exit_path": "/demo/guide-pack.html",
    "pageviews": 5,
    "bounce": False,
    "source": "newsletter",
    "utm_campaign": "autumn",
    "product_views": 1,
    "cart_updates": 1,
    "checkouts": 1,
    "orders": 1,
    "value_minor": 9_800,
    "currency": "EUR",
    "browser": "Chrome",
    "browser_major": 144,
    "os": "Windows",
    "device": "desktop",
    "language": "de",
}


async def click_around(page: Page, shop: str) -> None:
    """Come by a newsletter, buy two kettles, read in the guide, and leave."""
    newsletter = "utm_source=newsletter&utm_campaign=autumn&email=a@b.example"
    await page.goto(f"{shop}?{newsletter}")
    await look(page)
    await page.click("a.card >> nth=0")
    await look(page)
    await page.fill("#quantity", "2")
    await page.click("text=Add to cart")
    await look(page)
    await page.click("text=Check out")
    await page.click("text=Pay now")
    await page.click("nav >> text=Guide")
    await look(page)
    await page.click("text=What to pack")
    await page.close(run_before_unload=True)


async def look(page: Page) -> None:
    """Look at a page for a second: of what happens within one the order is not kept."""
    await page.wait_for_function("performance.now() > 1100")


def names(installation: Installation) -> Counter[str]:
    """Return how many events of each name are stored."""
    stored = Warehouse(installation.data / "warehouse").view(EVENTS)
    return Counter(stored.read(columns=["name"])["name"].to_list())


def sessions(installation: Installation) -> list[dict[str, object]]:
    """Return the stored sessions."""
    return Warehouse(installation.data / "warehouse").view(SESSIONS).read().to_dicts()


async def test_a_visit_in_a_browser_is_in_the_reports(tmp_path: Path) -> None:
    installation = install(tmp_path, text=CONFIG)
    with running(installation, *ROLES):
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=need("chromium"),
                # Set for the whole browser: what a page sends as it dies does not
                # carry the name that only the page was given.
                args=[*FLAGS, f"--user-agent={CHROME}"],
            )
            context = await browser.new_context(locale="de-DE")
            shop = f"http://demo.example:{installation.settings.proxy.port}/demo/"
            await click_around(await context.new_page(), shop)
            # One report of attention for each page that was left.
            wait_until(
                lambda: names(installation)["engagement"] >= len(PAGES),
                "the events to be loaded",
            )
            await browser.close()
        wait_until(
            lambda: (
                [each["events"] for each in sessions(installation)]
                == [sum(NAMED.values())]
            ),
            "the session to be built",
        )
        asked = {"site": "demo", "metrics": ["pageviews"], "date_range": "today"}
        wait_until(installation.serves_reports, "the reports server")
        answer = installation.ask(json.dumps(asked | {"dimensions": ["page"]}))
        overview = installation.ask("", path="/?site=demo&period=today").decode()
    stored = names(installation)
    [session] = sessions(installation)

    assert {name: stored[name] for name in stored if name != "engagement"} == NAMED
    assert {name: session[name] for name in SESSION} == SESSION
    # A second for each of four pages, as far as the browser counts it.
    assert isinstance(session["engaged_ms"], int)
    assert 2_000 < session["engaged_ms"] < 60_000
    assert sorted(json.loads(answer)["results"], key=str) == sorted(
        ({"dimensions": [f"/demo/{page}"], "metrics": [1]} for page in PAGES), key=str
    )
    assert "/demo/guide-pack.html" in overview
