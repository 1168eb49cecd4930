"""In a real Chromium the overview page runs no stored value, and has its style."""

import pytest
from playwright.async_api import async_playwright

from config.settings import Settings
from tests.programs import need
from tests.reports.sample_tables import store
from tests.reports.web.serving import PAYLOADS, attack_events, serving
from warehouse.tables import Warehouse

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return store(tmp_path_factory.mktemp("warehouse"), attack_events())


async def test_the_page_runs_no_stored_value(
    settings: Settings, warehouse: Warehouse
) -> None:
    chromium = need("chromium")
    messages: list[str] = []
    async with serving(settings, warehouse) as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        page = await browser.new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("dialog", lambda dialog: messages.append(dialog.message))
        await page.goto(f"{url}/?period=today", wait_until="networkidle")
        title = await page.title()
        shown = await page.locator("tbody th").all_inner_texts()
        elements = await page.locator("script, img, b, svg svg").count()
        radius = await page.locator("section").first.evaluate(
            "element => getComputedStyle(element).borderRadius"
        )
        await browser.close()

    assert title == "shop · Millpond"
    assert sorted({text.strip() for text in shown}) == sorted(PAYLOADS)
    assert elements == 0
    # Chromium requests a favicon and gets a 404; no other message is allowed.
    assert [text for text in messages if "404" not in text] == []
    assert radius == "8px"
