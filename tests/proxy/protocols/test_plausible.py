"""Requests of Plausible clients become the right hits."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.pipeline.drops import DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, Order
from proxy.protocols.plausible import read_event
from proxy.protocols.protocol import Outcomes, VendorRequest
from proxy.transport.body import RefusedBodyError

PAGE = "https://shop.example/p/42"
VIEW = {"n": "pageview", "u": PAGE, "d": "shop.example"}


def vendor_request(body: object) -> VendorRequest:
    text = json.dumps(body).encode()
    return VendorRequest("POST", "/api/event", "", CIMultiDict(), text)


def hits(body: object) -> list[Hit]:
    decoded = read_event(vendor_request(body))
    return [hit for hit in decoded.hits if isinstance(hit, Hit)]


def fields(hit: Hit) -> dict[str, Any]:
    """Return the fields of *hit* that differ from an empty hit."""
    named = {name: getattr(hit, name) for name in Hit.__struct_fields__}
    return {name: value for name, value in named.items() if value is not None}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(VIEW, {"name": "pageview"}, id="short names"),
        pytest.param(
            {"name": "pageview", "url": PAGE, "domain": "shop.example"},
            {"name": "pageview"},
            id="long names",
        ),
        pytest.param(
            {**VIEW, "r": "https://news.example/a", "w": 1440},
            {
                "name": "pageview",
                "referrer": "https://news.example/a",
                "screen": [1440],
            },
            id="referrer and width",
        ),
        pytest.param(
            {**VIEW, "r": None, "p": None, "$": None}, {"name": "pageview"}, id="nulls"
        ),
        pytest.param(
            {**VIEW, "n": "engagement", "e": 559, "sd": 29},
            {"name": "engagement", "engaged_ms": 559, "scroll_pct": 29},
            id="engagement",
        ),
        pytest.param(
            {**VIEW, "e": 559, "sd": 29}, {"name": "pageview"}, id="only engagement has"
        ),
        pytest.param(
            {**VIEW, "n": "Plan Chosen", "p": {"plan": "pro"}, "i": True},
            {"name": "Plan Chosen", "props": {"plan": "pro"}},
            id="an event of the site",
        ),
        pytest.param(
            {**VIEW, "n": "Video Started", "i": False},
            {"name": "Video Started", "passive": True},
            id="one that is not interactive",
        ),
        pytest.param(
            {**VIEW, "n": "Video Started", "interactive": False},
            {"name": "Video Started", "passive": True},
            id="the same by its long name",
        ),
        pytest.param(
            {**VIEW, "n": "Video Started", "i": 0},
            {"name": "Video Started"},
            id="0 is not false",
        ),
        pytest.param(
            {**VIEW, "n": "Plan Chosen", "p": '{"seats": 3}'},
            {"name": "Plan Chosen", "props": {"seats": 3}},
            id="properties as text",
        ),
        pytest.param(
            {**VIEW, "n": "Plan Chosen", "meta": {"seats": 3}},
            {"name": "Plan Chosen", "props": {"seats": 3}},
            id="properties by their old name",
        ),
        pytest.param(
            {**VIEW, "n": "Plan Chosen", "p": "{"},
            {"name": "Plan Chosen"},
            id="unreadable properties",
        ),
        pytest.param(
            {
                **VIEW,
                "n": "Outbound Link: Click",
                "p": {"url": "https://Other.example/a?q=1#x", "plan": "pro"},
            },
            {"name": "outbound", "props": {"host": "other.example", "plan": "pro"}},
            id="outbound",
        ),
        pytest.param(
            {
                **VIEW,
                "n": "File Download",
                "p": {"url": "https://shop.example/files/prices.pdf?token=1"},
            },
            {"name": "download", "props": {"file": "prices.pdf"}},
            id="download",
        ),
        pytest.param(
            {**VIEW, "n": "Outbound Link: Click", "p": {"url": "https://[x"}},
            {"name": "outbound", "props": {"host": None}},
            id="no link",
        ),
        pytest.param(
            {**VIEW, "n": "404", "p": {"path": "/x"}},
            {"name": "404", "props": {"path": "/x"}},
            id="404 stays",
        ),
        pytest.param(
            {**VIEW, "n": "Form: Submission", "p": {"path": "/x"}},
            {"name": "Form: Submission", "props": {"path": "/x"}},
            id="a form stays",
        ),
    ],
)
def test_an_event_becomes_a_hit(
    body: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    [got] = hits(body)

    defaults = {"key": "shop.example", "url": PAGE, "props": {}}
    unmarked = {"optout": False, "passive": False}
    assert fields(got) == {**defaults, **unmarked, **expected}


@pytest.mark.parametrize(
    ("body", "name", "order"),
    [
        pytest.param(
            {"n": "Purchase", "$": {"amount": "59.90", "currency": "USD"}},
            "order_placed",
            Order(value=Decimal("59.90"), currency="USD"),
            id="an order",
        ),
        pytest.param(
            {
                "n": "Order Completed",
                "p": {"order_id": "1001", "total": "50", "currency": "USD", "tax": 5},
                "$": {"amount": 59.9, "currency": "EUR"},
            },
            "order_placed",
            Order(id="1001", value=Decimal("59.9"), tax=Decimal(5), currency="EUR"),
            id="revenue outranks the properties",
        ),
        pytest.param(
            {"n": "Purchase", "p": {"total": "7", "currency": "SEK"}},
            "order_placed",
            Order(value=Decimal(7), currency="SEK"),
            id="properties alone",
        ),
        pytest.param(
            {"n": "Refund", "revenue": {"amount": 3, "currency": "EUR"}},
            "order_refunded",
            Order(value=Decimal(3), currency="EUR"),
            id="a refund, whose amount the pipeline takes",
        ),
        pytest.param(
            {"n": "Plan Chosen", "$": {"amount": 9, "currency": "EUR"}},
            "Plan Chosen",
            Order(value=Decimal(9), currency="EUR"),
            id="revenue of another goal stays with it",
        ),
        pytest.param(
            {"n": "Plan Chosen", "$": '{"amount": 9, "currency": "EUR"}'},
            "Plan Chosen",
            Order(value=Decimal(9), currency="EUR"),
            id="revenue as text",
        ),
        pytest.param({"n": "Plan Chosen", "$": 9}, "Plan Chosen", None, id="a number"),
    ],
)
def test_revenue_becomes_an_order_or_stays_with_its_goal(
    body: Mapping[str, Any], name: str, order: Order | None
) -> None:
    [got] = hits({"u": PAGE, **body})

    assert (got.name, got.order) == (name, order)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        pytest.param("shop.example", ["shop.example"], id="one"),
        pytest.param("a.example, b.example", ["a.example", "b.example"], id="two"),
        pytest.param("a.example,,a.example", ["a.example"], id="one twice"),
        pytest.param("", [""], id="none"),
        pytest.param(None, [None], id="not said"),
    ],
)
def test_every_named_site_gets_the_event_once(
    domain: str | None, expected: list[str | None]
) -> None:
    assert [hit.key for hit in hits({**VIEW, "d": domain})] == expected


@pytest.mark.parametrize(
    ("routing", "expected"),
    [(1, "/cart"), (True, "/cart"), (0, "/#/cart"), (None, "/#/cart")],
)
def test_fragments_are_routes_if_the_client_says_so(
    routing: object, expected: str
) -> None:
    [got] = hits({**VIEW, "u": "https://shop.example/#/cart", "h": routing})

    assert got.url == f"https://shop.example{expected}"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([], id="an array"),
        pytest.param([VIEW], id="an array of events"),
        pytest.param(7, id="a number"),
        pytest.param({}, id="nothing"),
        pytest.param({"d": "shop.example", "u": PAGE}, id="no name"),
        pytest.param({**VIEW, "n": 7}, id="a number for a name"),
        pytest.param({**VIEW, "d": ["shop.example"]}, id="a list of sites"),
    ],
)
def test_an_invalid_event_is_malformed(body: object) -> None:
    with pytest.raises(MalformedBodyError):
        hits(body)


@pytest.mark.parametrize(
    ("outcomes", "status", "marked"),
    [
        pytest.param([None], 202, False, id="kept"),
        pytest.param([DropReason.UNKNOWN_SITE, None], 202, False, id="kept for one"),
        pytest.param([DropReason.BOT], 202, True, id="dropped"),
        pytest.param([DropReason.OPT_OUT], 202, True, id="objected"),
        pytest.param(
            [DropReason.UNKNOWN_SITE, DropReason.BAD_PAGE], 202, True, id="both dropped"
        ),
        pytest.param([DropReason.UNKNOWN_SITE] * 2, 400, False, id="no such site"),
    ],
)
def test_the_response_is_that_of_plausible(
    outcomes: Outcomes, status: int, *, marked: bool
) -> None:
    got = read_event(vendor_request(VIEW)).reply(outcomes)

    assert got.status == status
    assert ("x-plausible-dropped" in got.headers) == marked
    assert (got.body == b"ok") == (status == 202)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMED = st.fixed_dictionaries(
    {"n": st.sampled_from(["pageview", "engagement", "Purchase", "File Download"])},
    optional=dict.fromkeys(["d", "u", "r", "p", "$", "i", "w", "h", "e", "sd"], JSON),
)


@given(JSON | NAMED | st.dictionaries(st.sampled_from(list("nudrp$iwh")), JSON))
def test_any_json_value_gets_a_response(body: object) -> None:
    try:
        decoded = read_event(vendor_request(body))
    except (MalformedBodyError, RefusedBodyError):
        return
    assert decoded.reply([None for _ in decoded.hits]).status == 202
