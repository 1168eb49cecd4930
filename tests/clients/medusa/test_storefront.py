"""The storefront helper in a real browser joins a server order to the page's visit."""

import asyncio

import pytest
from playwright.async_api import Browser

from tests.clients.medusa.analytics_module import Analytics
from tests.clients.medusa.conftest import KEY
from tests.clients.medusa.provider_package import built
from tests.clients.medusa.shared_millpond import Millpond
from tests.vendors.shop_site import Site
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]

PAGE = """<!doctype html><html><head><title>Mug</title><link rel="icon" href="data:,">
<script>var exports = {{}};</script><script>{storefront}</script>
</head><body><p>Mug</p></body></html>"""
# The script of a shop page: it stores the visit in the cart and shows the product.
SHOP = """async ([host, objects]) => {
    if (objects) document.cookie = "noanalytics=1";
    const settings = { host, site: "shop" };
    let metadata = { gift: true };
    const update = async (body) => { metadata = body.metadata; };
    const kept = await exports.keepVisit({ metadata }, update, settings);
    const mug = { product: "mug", price: "19.99", currency: "EUR" };
    exports.productViewed(mug, settings);
    return [kept, metadata];
}"""


class Storefront(Site):
    """The shop site, whose pages load the built helper."""

    def page(self) -> bytes:
        """Return the page for every path."""
        script = (built() / "dist" / "storefront.js").read_text(encoding="utf-8")
        return PAGE.format(storefront=script).encode()


@pytest.mark.parametrize("origin", ["own", "another"])
async def test_a_server_order_joins_the_visit_of_the_page(
    visitors: Browser, analytics: Analytics, millpond: Millpond, origin: str
) -> None:
    with Storefront(millpond.port, "/stats") as site:
        own, another = site.url("/stats"), f"http://stats.example:{millpond.port}/stats"
        host = own if origin == "own" else another
        context = await visitors.new_context()
        page = await context.new_page()
        await page.goto(site.url("/p/mug"))
        is_kept, metadata = await page.evaluate(SHOP, [host, False])
        await asyncio.to_thread(
            wait_until, lambda: len(millpond.events) == 1, "the product view"
        )
        await context.close()
    # The order subscriber passes on the metadata of the cart.
    order = {"id": f"order-{origin}", "currency_code": "eur", "total": "19.99"}
    analytics.start(f"http://127.0.0.1:{millpond.port}", KEY)
    analytics.track({"event": "order.placed", "properties": {**order, **metadata}})
    analytics.shutdown()

    viewed, placed = millpond.events
    assert (is_kept, metadata["gift"]) == (True, True)
    assert (viewed.name, placed.name) == ("product_viewed", "order_placed")
    assert viewed.visitor is not None
    assert placed.visitor == viewed.visitor
    assert (placed.server, placed.value_minor) == (True, 1_999)


async def test_a_visitor_who_objected_has_no_visit_and_sends_nothing(
    visitors: Browser, millpond: Millpond
) -> None:
    with Storefront(millpond.port, "/stats") as site:
        context = await visitors.new_context()
        page = await context.new_page()
        urls: list[str] = []
        await page.goto(site.url("/p/mug"))
        page.on("request", lambda request: urls.append(request.url))
        is_kept, metadata = await page.evaluate(SHOP, [site.url("/stats"), True])
        await context.close()

    assert (is_kept, metadata) == (False, {"gift": True})
    assert urls == []
    assert millpond.events == []
