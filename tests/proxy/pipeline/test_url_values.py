"""URLs in property values lose query and fragment; other texts stay."""

from dataclasses import replace

import pytest

from config.settings import PrivacySettings, SiteSettings
from proxy.pipeline.props import clean_props
from proxy.pipeline.sites import prepare_site
from proxy.pipeline.url_values import without_queries

SITE = SiteSettings(id="shop", domains=("shop.example",), props_allow=("referrer",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/b?c=d#e", "https://a.example/b"),
        ("https://a.example?c=d", "https://a.example"),
        ("HTTPS://a.example/b#c", "HTTPS://a.example/b"),
        ("//a.example/b?c", "//a.example/b"),
        ("/b?c=d", "/b"),
        ("/b#c", "/b"),
        ("a.example/b?c=d", "a.example/b"),
        ("a.example?c=d", "a.example"),
        ("from https://a.example/b?c=d to //c.example/e#f", None),
        ("https%3A%2F%2Fa.example%2Fb%3Fc%3Dd", "https://a.example/b"),
        ("https%253A%252F%252Fa.example%252Fb%253Fc", "https://a.example/b"),
        ("https://a.example/reset/abc?c=d", "https://a.example/reset/:token"),
        ("https://a.example/orders/1001", "https://a.example/orders/:id"),
        ("app://open/b?c", "app://open/b"),
    ],
)
def test_a_url_ends_before_its_query(text: str, expected: str | None) -> None:
    got = without_queries(text)

    assert got == (expected or "from https://a.example/b to //c.example/e")


@pytest.mark.parametrize(
    "text",
    ["Really?", "What? No", "C# or F#", "and/or?", "50 %", "a/b", "Who? /x", "#1"],
)
def test_a_text_is_no_url(text: str) -> None:
    assert without_queries(text) == text


def test_an_allowed_referrer_is_kept_without_its_query() -> None:
    site = prepare_site(SITE, PrivacySettings(), bytes(32))
    props = {"referrer": "https://a.example/b?email=jane&token=1", "order_id": "R-17"}

    got = clean_props(props, site.props_allow)

    assert got == '{"referrer":"https://a.example/b"}'


def test_an_id_is_kept_where_the_site_declares_it() -> None:
    declared = replace(SITE, props_allow_ids=("order_id",))
    site = prepare_site(declared, PrivacySettings(), bytes(32))

    got = clean_props({"order_id": "R-17"}, site.props_allow)

    assert got == '{"order_id":"R-17"}'
