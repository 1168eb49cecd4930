"""The site's own events, by `millpond(name, props, more)`, and its orders."""

from typing import Any

import pytest
from playwright.async_api import Page

from tests.proxy.routes.tag_server import TagServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_STUB = """<script>
    window.millpond = window.millpond || function () {
        (millpond.q = millpond.q || []).push(arguments);
    };
</script>"""

_ORDER = {
    "id": "1001",
    "currency": "EUR",
    "value": "59.90",
    "items": [{"product": "42", "variant": "L", "quantity": 2, "price": "29.95"}],
}


async def test_calls_made_before_the_tag_came_follow_the_page_view(
    page: Page, server: TagServer
) -> None:
    calls = '<script>millpond("joined", { plan: "pro" }); millpond("left")</script>'
    server.pages["/a"] = _STUB + calls + server.tag()

    await page.goto(server.url("/a"))
    await server.named("left")
    await server.named("joined")

    # In the order of the requests themselves, which the browser may reorder.
    sent = {event["name"]: event.get("props") for event in server.events}
    assert sent == {"pageview": None, "joined": {"plan": "pro"}, "left": None}


async def test_a_page_can_ask_for_a_token_of_the_visit(
    page: Page, server: TagServer
) -> None:
    server.pages["/a"] = server.tag()

    await page.goto(server.url("/a"))
    await server.named("pageview")
    got = await page.evaluate("millpond.visit().then((answer) => answer.url)")

    assert got == server.url("/v1/visit")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        pytest.param(["joined"], {"name": "joined"}, id="a name alone"),
        pytest.param(
            ["joined", {"plan": "pro", "seats": 3}],
            {"name": "joined", "props": {"plan": "pro", "seats": 3}},
            id="with properties",
        ),
        pytest.param(
            ["order_placed", {"payment": "invoice"}, {"order": _ORDER}],
            {"name": "order_placed", "props": {"payment": "invoice"}, "order": _ORDER},
            id="an order",
        ),
        pytest.param(
            ["video_started", {}, {"passive": True}],
            {"name": "video_started", "props": {}, "passive": True},
            id="what nobody asked for",
        ),
        pytest.param(
            ["cart_updated", {}, {"order": {"cart": "c-7", "items": []}}],
            {
                "name": "cart_updated",
                "props": {},
                "order": {"cart": "c-7", "items": []},
            },
            id="a cart",
        ),
        pytest.param(
            ["customer_registered", {}, {"actor": "customer 17"}],
            {"name": "customer_registered", "props": {}, "actor": "customer 17"},
            id="a customer",
        ),
    ],
)
async def test_an_event_carries_what_it_was_given(
    page: Page, server: TagServer, call: list[Any], expected: dict[str, Any]
) -> None:
    server.pages["/a"] = server.tag()

    await page.goto(server.url("/a?x=1"))
    await page.evaluate("(call) => void millpond(...call)", call)
    [sent] = await server.named(expected["name"])

    # Besides that, an event says what its page view said.
    [view] = await server.named("pageview")
    assert sent.pop("id") != view.pop("id")
    assert sent == view | expected


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("millpond('x', { props: 1n })", id="a value JSON cannot hold"),
        pytest.param("millpond('x', window)", id="a circle"),
        pytest.param("millpond()", id="nothing"),
    ],
)
async def test_no_call_stops_the_page(page: Page, server: TagServer, call: str) -> None:
    server.pages["/a"] = server.tag()

    await page.goto(server.url("/a"))
    got = await page.evaluate(f"() => {{ {call}; return 'still here'; }}")

    assert got == "still here"


async def test_event_ids_never_repeat(page: Page, server: TagServer) -> None:
    server.pages["/a"] = server.tag()

    await page.goto(server.url("/a"))
    await page.evaluate("for (let n = 0; n < 20; n++) millpond('x')")
    sent = await server.named("x", 20)

    assert len({event["id"] for event in sent}) == 20
