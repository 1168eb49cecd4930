"""The visit in a real Chromium: two pages, a purchase, and a closed tab."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from playwright.async_api import Browser, BrowserContext, Page

from tests.proxy.browser.chromium import FLAGS
from tests.vendors.clients import MODULES, Client, Kind, Sent, need_clients
from tests.vendors.shop_site import CLIENTS_PATH, Site
from tests.vendors.visit import PERSON, checkout_page, product_page, visit

# Headless Chromium identifies itself as a bot; two of the clients check that.
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    f" (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36 {PERSON['agent']}"
)
VISITOR_FLAGS = (
    *FLAGS,
    f"--user-agent={AGENT}",
    "--disable-blink-features=AutomationControlled",
    # One client would load a part of its code from its vendor.
    "--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND",
)
_PATIENCE_MS = 60_000
_STEP = """async (step) => {
    await steps[step](visit, recordSent);
    const counts = sent;
    sent = {};
    return counts;
}"""

# Waits until the events sent so far have arrived.
Arrived = Callable[[Sent], Awaitable[None]]


async def visit_in_browser(
    browser: Browser,
    site: Site,
    client: Client,
    arrived: Arrived,
    *,
    host: str,
    person: Mapping[str, str] = PERSON,
) -> Sent:
    """Send the visit with *client* to *host*; return the count of each event.

    The last event is sent as the tab closes; *arrived* waits for the others.
    """
    assert client.kind is Kind.BROWSER
    need_clients(MODULES / client.file)
    site.page_data = _page_data(site, client, host=host, person=dict(person))
    context = await browser.new_context(
        locale="de-DE",
        timezone_id="Europe/Berlin",
        screen={"width": 1920, "height": 1080},
    )
    try:
        return await _walk(context, site, arrived, person)
    finally:
        await context.close()


async def _walk(
    context: BrowserContext, site: Site, arrived: Arrived, person: Mapping[str, str]
) -> Sent:
    """Visit the shop as *person*."""
    login = {"name": "login", "value": person["cookie"], "url": site.url("/")}
    await context.add_cookies([login])  # type: ignore[list-item]
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(error.message))
    article = site.url(
        f"/{person['referrer']}?id={person['query']}", host="news.example"
    )
    await page.goto(site.url(product_page(person)), referer=article)
    sent = await _take(page, "product")
    await arrived(sent)
    await page.goto(site.url(checkout_page(person)))
    sent += await _take(page, "checkout")
    await arrived(sent)
    sent += await _take(page, "leave")
    await page.close(run_before_unload=True)
    await arrived(sent)
    assert problems == []
    return sent


async def _take(page: Page, step: str) -> Sent:
    """Run a step in the page; return the events sent since the last step."""
    await page.wait_for_function("window.ready", timeout=_PATIENCE_MS)
    return Counter(await page.evaluate(_STEP, step))


def _page_data(
    site: Site, client: Client, *, host: str, person: dict[str, str]
) -> dict[str, object]:
    file = f"{CLIENTS_PATH}{client.file}"
    data = visit(
        host=host,
        key=client.key,
        site=site.url(),
        referrer=site.url(host="news.example"),
        options=dict(client.options),
        person=person,
    )
    attributes = f'data-website-id="{client.key}" data-host-url="{host}"'
    tag = f'<script src="{file}" {attributes}></script>'
    return {
        "visit": data | {"file": file},
        "driver": client.driver,
        "script": "" if client.is_module else tag,
    }
