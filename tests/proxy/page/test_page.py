"""Only host, clean path, campaign and click id kind of a page URL are kept."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.page.click_ids import CLICK_IDS
from proxy.page.page import Page, PageRules, parse_page
from proxy.page.path_scrub import LONGEST_PATH
from proxy.page.query import LONGEST_CAMPAIGN

RULES = PageRules(
    query_allow=("page", "q"),
    path_rules=("/u/:name",),
    domains=("shop.example", "192.0.2.10"),
)
SHOP = "https://shop.example"
CANARY = "Zk9vQ2xT7mWp4RdY"


def path_of(url: str) -> str | None:
    page = parse_page(url, RULES)
    assert page is not None
    return page.path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://shop.example/a", "shop.example", id="https"),
        pytest.param("http://shop.example/a", "shop.example", id="http"),
        pytest.param("HTTPS://Shop.Example:443/a", "shop.example", id="capitals, port"),
        pytest.param("https://jane:pw@shop.example/", "shop.example", id="password"),
        pytest.param("https:\\\\shop.example\\a", "shop.example", id="backslashes"),
        pytest.param(" https://shop.example/\n", "shop.example", id="blanks"),
        pytest.param("https://www.shop.example", "www.shop.example", id="no path"),
        pytest.param("https://shop.example?a=b", "shop.example", id="query only"),
        pytest.param("https://bücher.example/", "xn--bcher-kva.example", id="letters"),
        pytest.param("http://127.0.0.1:8080/", "127.0.0.1", id="loopback"),
        pytest.param("http://192.0.2.10/", "192.0.2.10", id="the site's own address"),
        pytest.param("http://203.0.113.7/", None, id="any other address"),
    ],
)
def test_the_host_is_normalized(url: str, expected: str | None) -> None:
    got = parse_page(url, RULES)

    assert got is not None
    assert got.hostname == expected


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "/a",
        "shop.example/a",
        "//shop.example/a",
        "https://",
        "https:///a",
        "https://a b/",
        "https://[2001:db8::1]/",
        "file:///home/jane/a.html",
        "chrome-extension://abc/a.html",
        "javascript:alert(1)",
        "data:text/html,a",
        "about:blank",
        "ftp://shop.example/a",
    ],
)
def test_a_url_that_is_not_a_web_page_gives_none(url: str | None) -> None:
    assert parse_page(url, RULES) is None


@pytest.mark.parametrize(
    ("raw_path", "expected"),
    [
        pytest.param("", "/", id="nothing"),
        pytest.param("/a/b/", "/a/b/", id="closing slash stays"),
        pytest.param("/A/b", "/A/b", id="capitals stay"),
        pytest.param("//a///b", "/a/b", id="empty segments"),
        pytest.param("/a/./b/../c", "/a/c", id="dot segments"),
        pytest.param("/../../a", "/a", id="climbing"),
        pytest.param("/a%2e%2e%2f..%2Fb", "/b", id="encoded dot segments"),
        pytest.param("/.well-known/gpc.json", "/.well-known/gpc.json", id="dot name"),
        pytest.param("/caf%C3%A9", "/café", id="decoded"),
        pytest.param("/caf%E9", "/caf\N{REPLACEMENT CHARACTER}", id="no UTF-8"),
        pytest.param("/a%20b", "/a b", id="blank"),
        pytest.param("/a%00%0d%0a\u202eb", "/a  b", id="controls"),
        pytest.param("/a%3Ftoken=x", "/a", id="encoded query"),
        pytest.param("/a%23token=x", "/a", id="encoded fragment"),
        pytest.param("/a%253Ftoken=x", "/a", id="query encoded twice"),
        pytest.param("/a;jsessionid=x;b=c/d", "/a/d", id="parameters"),
        pytest.param("/a%3Bjsessionid=x/d", "/a/d", id="encoded parameters"),
        pytest.param("/a;b/c", "/a;b/c", id="semicolon without parameter"),
        pytest.param("/jane%40mail.example", "/:email", id="personal"),
        pytest.param("/jane%252540mail.example", "/:email", id="encoded three times"),
        pytest.param("/%2525252540", "/:id", id="encoded too often to know"),
        pytest.param("/u/jane", "/u/:name", id="the site's own rule"),
        pytest.param("/a?b=c#d", "/a", id="query and fragment"),
        pytest.param("/a#b?c", "/a", id="fragment first"),
        pytest.param("/a#/route/token", "/a", id="hash route"),
        pytest.param("\\a\\b", "/a/b", id="backslashes"),
    ],
)
def test_the_path_is_decoded_normalized_and_scrubbed(
    raw_path: str, expected: str
) -> None:
    got = path_of(SHOP + raw_path)

    assert got == expected


def test_a_long_path_ends_with_a_whole_segment() -> None:
    got = path_of(SHOP + "/abc" * 60_000)

    assert got == "/abc" * 126 + "/:more"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("page=2", "/a?page=2", id="allowed"),
        pytest.param(
            "q=b&page=2&x=y", "/a?page=2&q=b", id="sorted, other keys dropped"
        ),
        pytest.param("page=2&page=3", "/a?page=2", id="first counts"),
        pytest.param("page=", "/a", id="empty"),
        pytest.param("Page=2", "/a", id="keys are exact"),
        pytest.param("q=red+shoes%26more%25", "/a?q=red shoes%26more%25", id="marks"),
        pytest.param("q=jane%40mail.example", "/a", id="personal"),
        pytest.param("q=" + "ab cd " * 40, "/a?q=" + ("ab cd " * 40)[:128], id="long"),
        pytest.param("%71=b", "/a?q=b", id="encoded key"),
    ],
)
def test_only_allowed_query_keys_are_kept(query: str, expected: str) -> None:
    got = path_of(f"{SHOP}/a?{query}")

    assert got == expected


def test_an_allowed_query_that_does_not_fit_is_left_out() -> None:
    long = "/abc" * 125

    got = path_of(f"{SHOP}{long}?q=something&page=2")

    assert got == f"{long}?page=2"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e",
            ("a", "b", "c", "d", "e"),
            id="all five",
        ),
        pytest.param("UTM_Source=a", ("a", None, None, None, None), id="capitals"),
        pytest.param("utm%5Fsource=a", ("a", None, None, None, None), id="encoded key"),
        pytest.param(
            "utm_campaign=spring+sale%20%C3%A9",
            (None, None, "spring sale é", None, None),
            id="decoded",
        ),
        pytest.param(
            "utm_source=a&utm_source=b", ("a", None, None, None, None), id="first"
        ),
        pytest.param("utm_source=&utm_term", (None,) * 5, id="empty"),
        pytest.param("utm_content=jane%40mail.example", (None,) * 5, id="personal"),
        pytest.param("utm_content=%2B49+151+1234567", (None,) * 5, id="telephone"),
        pytest.param("utm_term=+4915112345678", (None,) * 5, id="plus sign as space"),
        pytest.param("utm_term=4111111111111111", (None,) * 5, id="card"),
        pytest.param(f"utm_term={CANARY}", (None,) * 5, id="token"),
        pytest.param(
            "utm_campaign=120210987654321098",
            (None, None, "120210987654321098", None, None),
            id="an advertiser's number stays",
        ),
        pytest.param("utm_term=a%00b", (None, None, None, "ab", None), id="controls"),
        pytest.param(
            "utm_term=" + "ab cd " * 40,
            (None, None, None, ("ab cd " * 40)[:LONGEST_CAMPAIGN].rstrip(), None),
            id="long",
        ),
        pytest.param("ref=producthunt", ("producthunt", *[None] * 4), id="ref"),
        pytest.param("source=Google", ("Google", *[None] * 4), id="source"),
        pytest.param("ref=blog.example", ("blog.example", *[None] * 4), id="a domain"),
        pytest.param("ref=jane42", (None,) * 5, id="a friend's code"),
        pytest.param(
            "ref=google&utm_source=a", ("a", *[None] * 4), id="utm before ref"
        ),
    ],
)
def test_campaign_values_are_kept_unless_personal(
    query: str, expected: tuple[str | None, ...]
) -> None:
    got = parse_page(f"{SHOP}/a?{query}#utm_fragment", RULES)

    assert got is not None
    assert (
        got.utm_source,
        got.utm_medium,
        got.utm_campaign,
        got.utm_term,
        got.utm_content,
    ) == expected


@pytest.mark.parametrize("key", CLICK_IDS)
def test_only_the_kind_of_a_click_id_is_kept(key: str) -> None:
    got = parse_page(f"{SHOP}/a?{key.upper()}={CANARY}", RULES)

    assert got == Page(hostname="shop.example", path="/a", click_id=key)


def test_the_first_listed_click_id_counts() -> None:
    got = parse_page(f"{SHOP}/a?mc_eid=x&fbclid=y&gclid=z", RULES)

    assert got is not None
    assert got.click_id == "gclid"


def test_a_query_is_read_only_up_to_its_limit() -> None:
    within = parse_page(f"{SHOP}/a?" + "x=y&" * 255 + "utm_source=a", RULES)
    beyond = parse_page(f"{SHOP}/a?" + "x=y&" * 256 + "utm_source=a", RULES)

    assert within == Page(hostname="shop.example", path="/a", utm_source="a")
    assert beyond == Page(hostname="shop.example", path="/a")


URLS = st.text(max_size=120).map(lambda text: f"{SHOP}/{text}") | st.from_regex(
    r"(https?|file|HTTP):[/\\]{0,3}[^/]{0,20}(/[^/]{0,12}){0,4}(\?[^#]{0,40})?(#.*)?"
)


# The star stands for the labels up to the last personal one.
HOSTNAME = re.compile(r"(?=.{1,253}\Z)(?:\*|(?:\*\.)?[a-z0-9.-]+)")


@given(url=URLS | st.text(max_size=80))
@example(url="https://000000/")
@example(url="https://000000.shop.example/")
def test_any_url_gives_clean_bounded_values(url: str) -> None:
    got = parse_page(url, RULES)

    if got is None:
        return
    assert got.hostname is None or HOSTNAME.fullmatch(got.hostname)
    assert got.path is not None
    assert got.path.startswith("/")
    assert len(got.path) <= LONGEST_PATH
    assert "#" not in got.path
    texts = (got.utm_source, got.utm_medium, got.utm_campaign, got.utm_term)
    for text in (got.path, *filter(None, (*texts, got.utm_content))):
        assert text.isprintable()
        assert text.encode("utf-8")
    assert all(len(text or "a") in range(1, LONGEST_CAMPAIGN + 1) for text in texts)


PLACES = [
    "/a?token={}",
    "/a?{}=x",
    "/a?{}",
    "/a#{}",
    "/a#/reset/{}",
    "/reset/{}",
    "/x/{}",
    "/x;id={}/y",
    "/x%3Fy={}",
    "/x?page={}",
    "/x?utm_content={}",
    "/x?gclid={}&utm_source=a",
    "/x?ref={}",
    "/{0}/{0}",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_kept_value_contains_a_secret(place: str) -> None:
    got = parse_page(SHOP + place.format(CANARY), RULES)

    assert got is not None
    assert CANARY not in repr(got)


def test_clearing_the_caches_changes_no_result() -> None:
    before = path_of(f"{SHOP}/products/blue-shirt-100234")
    RULES.forget()

    assert path_of(f"{SHOP}/products/blue-shirt-100234") == before


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("utm_source=news&utm_medium=email", 1, id="a campaign"),
        pytest.param("utm_source=news&token=4f5c1b1e8a0b", 0, id="and a token"),
        pytest.param("utm_source=news&utm_source=other", 0, id="twice the same"),
        pytest.param("utm_source=ada@example.org", 0, id="a person for a source"),
        pytest.param("utm_source=New%20s", 0, id="an escape"),
        pytest.param("utm_source=news" + "&utm_term=" * 300, 0, id="more than is read"),
        pytest.param("gclid=abc", 0, id="a click"),
        pytest.param("id=7", 0, id="a kept key"),
    ],
)
def test_a_query_is_cached_only_if_all_of_it_is_kept(query: str, expected: int) -> None:
    rules = PageRules(query_allow=["id"], domains=["shop.example"])

    first = parse_page(f"https://shop.example/?{query}", rules)
    second = parse_page(f"https://shop.example/?{query}", rules)

    assert first == second
    assert rules.remembered == expected
    rules.forget()
    assert rules.remembered == 0


def test_the_query_cache_is_bounded() -> None:
    rules = PageRules(domains=["shop.example"])

    for number in range(2_000):
        parse_page(f"https://shop.example/?utm_campaign=spring-{number}", rules)

    assert rules.remembered == 1_024


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://shop.example/p/42", 1, id="a path"),
        pytest.param("https://shop.example/?utm_source=news", 2, id="a campaign"),
        pytest.param("https://shop.example/?token=4f5c1b1e8a0b", 0, id="a token"),
        pytest.param("https://shop.example/reset/4f5c1b1e8a0b4d8e", 0, id="cut"),
        pytest.param("https://shop.example/a#secret", 0, id="a fragment"),
        pytest.param("https://ada@shop.example/a", 0, id="a name before the host"),
        pytest.param("https://shop.example/a?id=7", 0, id="a kept key"),
        pytest.param("http://shop.example/a", 0, id="not the usual scheme"),
        pytest.param("file:///home/ada", 0, id="no page"),
        pytest.param(None, 0, id="nothing"),
    ],
)
def test_a_page_is_cached_only_if_all_of_it_is_kept(
    url: str | None, expected: int
) -> None:
    rules = PageRules(query_allow=["id"], domains=["shop.example"])

    assert rules.page(url) == rules.page(url) == parse_page(url, rules)
    assert rules.remembered == expected
