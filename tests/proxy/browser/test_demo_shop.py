"""The sample shop, walked through as a customer would."""

import re

import pytest
from playwright.async_api import Page

from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_purchase_is_told_step_by_step(page: Page, server: TagServer) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(error.message))
    page.on("console", lambda message: problems.append(message.text))

    await page.goto(server.url("/demo/", host="localhost"))
    await page.click("a.card >> nth=0")
    await page.fill("#quantity", "2")
    await page.click("text=Add to cart")
    await page.click("nav >> text=Blanket")
    await page.click("text=Add to cart")
    await page.click("text=Check out")
    await page.click("text=Pay now")
    [placed] = await server.named("order_placed")

    names = [event["name"] for event in server.events]
    assert problems == []
    assert {
        name: names.count(name) for name in sorted(set(names) - {"engagement"})
    } == {
        "cart_updated": 2,
        "checkout_started": 1,
        "order_placed": 1,
        "pageview": 5,
        "product_viewed": 2,
    }
    assert re.fullmatch(r"demo-\d+", placed["order"].pop("id"))
    assert placed["order"] == {
        "currency": "EUR",
        "value": "187.50",
        "items": [
            {"product": "kettle", "quantity": 2, "price": "49.00"},
            {"product": "blanket", "quantity": 1, "price": "89.50"},
        ],
    }


async def test_the_guide_is_read_without_loading_a_page(
    page: Page, server: TagServer
) -> None:
    await page.goto(server.url("/demo/guide.html", host="localhost"))
    await page.click("text=Where to make a fire")
    await page.click("text=How to leave")
    views = await server.named("pageview", 3)

    assert await page.inner_text("article h2") == "How to leave"
    assert [view["url"].rpartition("/")[2] for view in views] == [
        "guide.html",
        "guide-fire.html",
        "guide-leave.html",
    ]


async def test_a_chapter_can_be_opened_by_its_address(
    page: Page, server: TagServer
) -> None:
    await page.goto(server.url("/demo/guide-fire.html", host="localhost"))

    assert await page.inner_text("article h2") == "Where to make a fire"


async def test_the_price_list_is_a_download(page: Page, server: TagServer) -> None:
    await page.goto(server.url("/demo/", host="localhost"))
    async with page.expect_download():
        await page.click("text=price list")
    [sent] = await server.named("download")

    assert sent["props"] == {"file": "price-list.csv"}


async def test_the_shop_takes_an_objection(page: Page, server: TagServer) -> None:
    await page.goto(server.url("/demo/", host="localhost"))
    await server.named("pageview")
    await page.click("text=Stop counting my visits")
    await page.click("text=Guide")
    await page.click("text=What to pack")
    await page.evaluate("fetch('/', { method: 'POST', body: '{\"name\": \"end\"}' })")
    await server.named("end")

    assert [event["name"] for event in server.events] == ["pageview", "end"]
