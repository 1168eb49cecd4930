"""A fragment gives a campaign, and a route where the site has hash routes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.fragment import url_with_hash_route
from proxy.page.page import Page, PageRules, parse_page
from tests.proxy.page.test_page import CANARY, SHOP

PLAIN = PageRules(query_allow=("page",), domains=("shop.example",))
ROUTED = PageRules(query_allow=("page",), domains=("shop.example",), hash_routes=True)
UNSLASHED = PageRules(
    query_allow=("page",), domains=("shop.example",), removes_trailing_slash=True
)
JUNE = {"utm_source": "june", "utm_medium": "email"}


def page(path: str, **values: str) -> Page:
    return Page(hostname="shop.example", path=path, **values)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param("?a=1&amp;utm_source=june&amp;utm_medium=email", JUNE, id="named"),
        pytest.param("?a=1&#038;utm_source=june&#038;utm_medium=email", JUNE, id="038"),
        pytest.param("?a=1&#38;utm_source=june&#x26;utm_medium=email", JUNE, id="x26"),
        pytest.param("?amp;utm_source=june&AMP;utm_medium=email", JUNE, id="at first"),
        pytest.param(
            "?a=1&amp%3Butm_source=june&amp%3butm_medium=email", JUNE, id="escaped"
        ),
        pytest.param(
            "?a=1&amp;amp;utm_source=june&amp;amp;utm_medium=email", JUNE, id="twice"
        ),
        pytest.param("#utm_source=june&utm_medium=email", JUNE, id="fragment"),
        pytest.param("#/?utm_source=june&utm_medium=email", JUNE, id="route's query"),
        pytest.param("#!/a?utm_source=june&utm_medium=email", JUNE, id="bang"),
        pytest.param("#top&utm_source=june&utm_medium=email", JUNE, id="anchor"),
        pytest.param("#top?utm_source=june&amp;utm_medium=email", JUNE, id="both"),
        pytest.param("?utm_source=june#utm_medium=email", JUNE, id="half and half"),
        pytest.param(
            "?utm_source=june#utm_source=other", {"utm_source": "june"}, id="1"
        ),
        pytest.param("#UTM_Source=june", {"utm_source": "june"}, id="capitals"),
        pytest.param("#gclid=abc", {"click_id": "gclid"}, id="click id"),
        pytest.param("#utm_source=jane%40mail.example", {}, id="personal"),
        pytest.param("#my_utm_source=june", {}, id="another key"),
        pytest.param("#utm_source", {}, id="no value"),
        pytest.param("#page=2&token=x", {}, id="nothing else of a fragment"),
        pytest.param("?a=b;utm_source=june", {}, id="a semicolon is no mark"),
    ],
)
def test_a_campaign_is_read_where_links_put_it(
    end: str, expected: dict[str, str]
) -> None:
    assert parse_page(f"{SHOP}/p{end}", PLAIN) == page("/p", **expected)


def test_an_allowed_key_behind_an_html_mark_is_kept() -> None:
    assert parse_page(f"{SHOP}/p?a=1&amp;page=2", PLAIN) == page("/p?page=2")


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param("/#/cart", page("/cart"), id="route"),
        pytest.param("#/cart", page("/cart"), id="no path"),
        pytest.param("/#!/cart/shoes", page("/cart/shoes"), id="bang"),
        pytest.param("/app/?x=1#/cart", page("/app/cart"), id="behind a path"),
        pytest.param("/#/", page("/"), id="root"),
        pytest.param("/#/cart?page=2&token=x", page("/cart?page=2"), id="its query"),
        pytest.param(
            "/#/cart?utm_source=june", page("/cart", utm_source="june"), id="c"
        ),
        pytest.param(
            "/#/cart&utm_source=june", page("/cart", utm_source="june"), id="d"
        ),
        pytest.param(
            "/?utm_term=x#/cart", page("/cart", utm_term="x"), id="page's query"
        ),
        pytest.param("/p#reviews", page("/p"), id="jump"),
        pytest.param("/#access_token=x", page("/"), id="secret"),
        pytest.param("/#/reset/4f5c1b1e8a0b", page("/reset/:token"), id="scrubbed"),
        pytest.param("/#/a%2F..%2Fb", page("/b"), id="normalized"),
        pytest.param("/#/a#b?page=2", page("/a"), id="a second fragment"),
    ],
)
def test_a_route_is_the_path_where_the_site_says_so(end: str, expected: Page) -> None:
    assert parse_page(SHOP + end, ROUTED) == expected


@pytest.mark.parametrize(
    ("end", "expected"),
    [("/p/", "/p"), ("/p", "/p"), ("/", "/"), ("", "/"), ("/p/?page=2", "/p?page=2")],
)
def test_a_slash_at_the_end_makes_no_difference_where_the_site_says_so(
    end: str, expected: str
) -> None:
    got = [UNSLASHED.page(SHOP + end) for _ in range(2)]

    assert got == [page(expected)] * 2


@pytest.mark.parametrize("end", ["/p/", "/p#", "/p/#"])
def test_an_end_that_is_left_out_keeps_a_page_in_the_cache(end: str) -> None:
    UNSLASHED.forget()

    UNSLASHED.page(SHOP + end)

    assert UNSLASHED.remembered == 1


@pytest.mark.parametrize("rules", [PLAIN, ROUTED])
def test_no_page_with_a_fragment_stays_in_a_cache(rules: PageRules) -> None:
    rules.forget()

    for end in ("/p#token=x", "/#/p?token=x", "/p?utm_source=a#utm_term=b&token=x"):
        rules.page(SHOP + end)

    assert CANARY not in repr(vars(rules))
    assert not any("token" in str(cache) for cache in vars(rules).values())


@given(st.text(max_size=60), st.booleans())
def test_any_fragment_gives_a_clean_page(fragment: str, has_routes: bool) -> None:  # noqa: FBT001
    rules = ROUTED if has_routes else PLAIN

    got = parse_page(f"{SHOP}/p#{fragment}", rules)

    assert got is not None
    assert got.path is not None
    assert got.path.startswith("/p")
    assert has_routes or got.path == "/p"
    assert not re.search("[#\\s]$", got.path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/#/cart", "https://a.example/cart"),
        ("https://a.example/#!/cart/7", "https://a.example/cart/7"),
        ("https://a.example/app?x=1#/cart?token=2", "https://a.example/app/cart?x=1"),
        ("https://a.example#/cart", "https://a.example/cart"),
        ("https://a.example/#/c?utm_term=x", "https://a.example/c#utm_term=x"),
        ("https://a.example/p#reviews", "https://a.example/p#reviews"),
        ("https://a.example/p", "https://a.example/p"),
        ("", ""),
    ],
)
def test_only_a_route_in_the_fragment_becomes_a_path(url: str, expected: str) -> None:
    assert url_with_hash_route(url) == expected
