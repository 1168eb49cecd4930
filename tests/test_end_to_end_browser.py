"""A visit to the demo shop in a real Chromium gives the right figures."""

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

# The proxy drops headless Chromium as a bot, because its User-Agent says so.
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
EVENT_COUNTS = {
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


async def visit_shop(page: Page, shop: str) -> None:
    """Arrive from a newsletter, buy two kettles, read the guide, and leave."""
    newsletter = "utm_source=newsletter&utm_campaign=autumn&email=a@b.example"
    await page.goto(f"{shop}?{newsletter}")
    await wait_a_second(page)
    await page.click("a.card >> nth=0")
    await wait_a_second(page)
    await page.fill("#quantity", "2")
    await page.click("text=Add to cart")
    await wait_a_second(page)
    await page.click("text=Check out")
    await page.click("text=Pay now")
    await page.click("nav >> text=Guide")
    await wait_a_second(page)
    await page.click("text=What to pack")
    await page.close(run_before_unload=True)


async def wait_a_second(page: Page) -> None:
    """Stay on a page for a second: events within one second are stored in no order."""
    await page.wait_for_function("performance.now() > 1100")


def event_counts(installation: Installation) -> Counter[str]:
    """Return the number of stored events by name."""
    stored = Warehouse(installation.data / "warehouse").view(EVENTS)
    return Counter(stored.read(columns=["name"])["name"].to_list())


def sessions(installation: Installation) -> list[dict[str, object]]:
    """Return the stored sessions."""
    return Warehouse(installation.data / "warehouse").view(SESSIONS).read().to_dicts()


async def test_the_reports_show_a_visit_in_a_browser(tmp_path: Path) -> None:
    installation = install(tmp_path, text=CONFIG)
    with running(installation, *ROLES):
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=need("chromium"),
                # Set for the whole browser: a request that a page sends while it closes
                # does not carry a User-Agent that is set for the page only.
                args=[*FLAGS, f"--user-agent={CHROME}"],
            )
            context = await browser.new_context(locale="de-DE")
            shop = f"http://demo.example:{installation.settings.proxy.port}/demo/"
            await visit_shop(await context.new_page(), shop)
            # One engagement event for each page that was left.
            wait_until(
                lambda: event_counts(installation)["engagement"] >= len(PAGES),
                "the events to be loaded",
            )
            await browser.close()
        wait_until(
            lambda: (
                [session["events"] for session in sessions(installation)]
                == [sum(EVENT_COUNTS.values())]
            ),
            "the session to be built",
        )
        query = {"site": "demo", "metrics": ["pageviews"], "date_range": "today"}
        wait_until(installation.serves_reports, "the reports server")
        answer = installation.query_reports(
            json.dumps(query | {"dimensions": ["page"]})
        )
        overview = installation.query_reports(
            "", path="/?site=demo&period=today"
        ).decode()
    stored = event_counts(installation)
    [session] = sessions(installation)

    assert {
        name: stored[name] for name in stored if name != "engagement"
    } == EVENT_COUNTS
    assert {name: session[name] for name in SESSION} == SESSION
    # About a second for each of four pages, as the browser counts it.
    assert isinstance(session["engaged_ms"], int)
    assert 2_000 < session["engaged_ms"] < 60_000
    assert sorted(json.loads(answer)["results"], key=str) == sorted(
        ({"dimensions": [f"/demo/{page}"], "metrics": [1]} for page in PAGES), key=str
    )
    assert "/demo/guide-pack.html" in overview
