"""The response of the native protocol and its pixel."""

from base64 import b64encode

import msgspec
import pytest

from proxy.intake.intake import ONE_ACCEPTED, Receipt
from proxy.pipeline.drops import DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError
from proxy.protocols import native

PAGE = "https://shop.example/p/42"


@pytest.mark.parametrize(
    ("receipt", "expected"),
    [
        pytest.param(ONE_ACCEPTED, {"accepted": 1, "dropped": {}}, id="the usual"),
        pytest.param(Receipt(1, {}), {"accepted": 1, "dropped": {}}, id="its equal"),
        pytest.param(Receipt(0, {}), {"accepted": 0, "dropped": {}}, id="nothing"),
        pytest.param(
            Receipt(2, {DropReason.BOT: 3, DropReason.BAD_NAME: 1}),
            {"accepted": 2, "dropped": {"bot": 3, "bad_name": 1}},
            id="some of each",
        ),
    ],
)
def test_the_response_has_counts_and_reasons(
    receipt: Receipt, expected: dict[str, object]
) -> None:
    assert msgspec.json.decode(native.encode_receipt(receipt)) == expected


@pytest.mark.parametrize(
    ("query", "referer", "expected"),
    [
        pytest.param("", PAGE, Hit(url=PAGE), id="the page that shows it"),
        pytest.param("site=shop", PAGE, Hit(site="shop", url=PAGE), id="site"),
        pytest.param(
            "url=https%3A%2F%2Fshop.example%2Fa%3Fx%3D1",
            PAGE,
            Hit(url="https://shop.example/a?x=1"),
            id="a named page outranks it",
        ),
        pytest.param(
            "site=shop&name=opened&id=7&referrer=https://news.example&lang=de",
            PAGE,
            Hit(
                site="shop",
                name="opened",
                id="7",
                url=PAGE,
                referrer="https://news.example",
                lang="de",
            ),
            id="every field it has",
        ),
        pytest.param("key=pk", PAGE, Hit(key="pk", url=PAGE), id="key"),
        pytest.param("actor=17", PAGE, Hit(url=PAGE), id="no other field"),
        pytest.param("optout=1", PAGE, Hit(url=PAGE, optout=True), id="an objection"),
        pytest.param("name=a+b", PAGE, Hit(name="a b", url=PAGE), id="plus"),
        pytest.param("site=&&=&x", PAGE, Hit(url=PAGE), id="nothing named"),
        pytest.param("site=a&site=b", PAGE, Hit(site="b", url=PAGE), id="the last"),
        pytest.param("", None, Hit(url=""), id="no page at all"),
    ],
)
def test_a_pixel_query_is_an_event(
    query: str, referer: str | None, expected: Hit
) -> None:
    headers = {} if referer is None else {"Referer": referer}

    assert native.pixel_hit(query, headers) == expected


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("site=%ff", id="no UTF-8"),
        pytest.param("&".join(["a=1"] * 33), id="too many fields"),
    ],
)
def test_an_unreadable_query_is_refused_without_its_content(
    query: str,
) -> None:
    with pytest.raises(MalformedBodyError, match="pixel") as caught:
        native.pixel_hit(query, {})

    assert query not in caught.value.problem


def test_the_pixel_is_a_transparent_gif() -> None:
    assert native.PIXEL.startswith(b"GIF89a\x01\x00\x01\x00")
    assert native.PIXEL.endswith(b"\x3b")
    assert len(b64encode(native.PIXEL)) < 64
