"""Bytes give hits or a named problem, never an error and never a repeated value."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, Order, OrderLine, decode_hits

MOST = 5
CANARY = "canary7f3a"
MALFORMED = Dropped(DropReason.MALFORMED)


def test_one_event_is_one_hit() -> None:
    got = decode_hits(b'{"site": "shop", "url": "https://shop.example/"}', MOST)

    assert got == [Hit(site="shop", url="https://shop.example/")]


def test_a_hit_without_a_name_is_a_page_view() -> None:
    assert decode_hits(b"{}", MOST) == [Hit(name="pageview")]


def test_an_order_keeps_its_amounts_exact() -> None:
    body = b"""{"order": {"id": 7, "value": "59.90", "tax": 9.56, "items":
        [{"product": "42", "quantity": 2, "price": 0.1}]}}"""

    got = decode_hits(body, MOST)

    line = OrderLine(product="42", quantity=Decimal(2), price=Decimal("0.1"))
    order = Order(id=7, value=Decimal("59.90"), tax=Decimal("9.56"), items=[line])
    assert got == [Hit(order=order)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"[]", [], id="none"),
        pytest.param(b" \n[{}]", [Hit()], id="blanks before"),
        pytest.param(b"[{}, {}]", [Hit(), Hit()], id="two"),
        pytest.param(b"[{}, 7, {}]", [Hit(), MALFORMED, Hit()], id="one is a number"),
        pytest.param(b"[[], {}]", [MALFORMED, Hit()], id="one is an array"),
        pytest.param(b'[{"name": null}]', [MALFORMED], id="one has a wrong type"),
        pytest.param(b"[null]", [MALFORMED], id="one is null"),
        pytest.param(b"[{}" + b", {}" * 4 + b"]", [Hit()] * MOST, id="as many as may"),
    ],
)
def test_each_member_of_an_array_is_decoded_alone(
    body: bytes, expected: list[Hit | Dropped]
) -> None:
    assert decode_hits(body, MOST) == expected


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"", "not valid JSON", id="empty"),
        pytest.param(b"hello " + CANARY.encode(), "not valid JSON", id="words"),
        pytest.param(b'{"site": "canary7f3a"', "not valid JSON", id="cut"),
        pytest.param(b'{"site": "x"} canary7f3a', "not valid JSON", id="more behind"),
        pytest.param(b'{"engaged_ms": NaN}', "not valid JSON", id="NaN"),
        pytest.param(b'{"engaged_ms": Infinity}', "not valid JSON", id="infinity"),
        pytest.param(b'{"engaged_ms": 1e999}', "out of range", id="past a float"),
        pytest.param(b'{"id": %s}' % (b"9" * 5_000), "out of range", id="huge number"),
        pytest.param(b'{"site": "\xff"}', "not valid JSON", id="no UTF-8"),
        pytest.param(b'{"site": "\\ud800"}', "not valid JSON", id="half a surrogate"),
        pytest.param(b"\xef\xbb\xbf{}", "not valid JSON", id="byte order mark"),
        pytest.param('{"site": "x"}'.encode("utf-16"), "not valid JSON", id="UTF-16"),
        pytest.param(b"null", "`object`", id="null"),
        pytest.param(b'"canary7f3a"', "`object`", id="text"),
        pytest.param(b'{"site": 7}', "`$.site`", id="number for text"),
        pytest.param(b'{"site": ["canary7f3a"]}', "`$.site`", id="array for text"),
        pytest.param(b'{"props": "canary7f3a"}', "`$.props`", id="text for props"),
        pytest.param(b'{"screen": {"w": 1}}', "`$.screen`", id="object for array"),
        pytest.param(b'{"optout": "canary7f3a"}', "`$.optout`", id="text for truth"),
        pytest.param(
            b'{"order": {"value": "canary7f3a"}}', "`$.order.value`", id="no amount"
        ),
        pytest.param(
            b'{"order": {"items": [{"quantity": "canary7f3a"}]}}',
            "`$.order.items[0].quantity`",
            id="no quantity",
        ),
        pytest.param(b"[" * 100_000, "too deep", id="deep arrays"),
        pytest.param(b'{"a":' * 100_000, "too deep", id="deep objects"),
        pytest.param(
            b'{"props": {"canary7f3a": %s}}' % (b"[" * 100_000 + b"]" * 100_000),
            "too deep",
            id="deep props",
        ),
        pytest.param(b"[" + b"{}, " * 5 + b"{}]", "more than 5 events", id="too many"),
        pytest.param(b'[{"site": "x"}, canary7f3a]', "not valid JSON", id="bad array"),
    ],
)
def test_an_invalid_body_is_refused_without_its_content(
    body: bytes, problem: str
) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        decode_hits(body, MOST)

    message = caught.value.problem
    assert problem in message
    assert CANARY not in message
    # No exception that quotes the body is attached to the error either.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_unknown_field_is_ignored() -> None:
    assert decode_hits(b'{"site": "shop", "color": "red"}', MOST) == [Hit(site="shop")]


def test_the_last_of_duplicate_fields_counts() -> None:
    assert decode_hits(b'{"site": "a", "site": "b"}', MOST) == [Hit(site="b")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from([*Hit.__struct_fields__, "other"])


def check(body: bytes) -> None:
    """Check that *body* decodes to hits or to a problem of our own."""
    try:
        hits = decode_hits(body, 100)
    except MalformedBodyError:
        return
    assert all(isinstance(hit, Hit | Dropped) for hit in hits)


@given(event=st.dictionaries(FIELDS, JSON), in_array=st.booleans())
def test_any_field_value_is_decoded_or_refused(
    event: dict[str, Any], *, in_array: bool
) -> None:
    body: Any = [event] if in_array else event
    check(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@given(body=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    check(body)
    check(b"[" + body)
    check(b'{"props": ' + body)
