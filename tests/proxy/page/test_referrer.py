"""A referrer is stored as its host; its source and channel come from tables."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.channel import INTERNAL
from proxy.page.host import OwnHosts
from proxy.page.page import NO_PAGE, Page
from proxy.page.referrer import NO_REFERRAL, Referral, Referrers
from proxy.page.sources import load_sources
from tests.proxy.page import reference_lists

OWN = OwnHosts(("shop.example", "*.shop.example"))
PAGE = Page(hostname="shop.example", path="/")
CHANNEL = {
    "search": "organic_search",
    "social": "organic_social",
    "shopping": "organic_shopping",
    "video": "organic_video",
    "ai": "ai_assistant",
}


@pytest.fixture(scope="module")
def referrers() -> Referrers:
    return Referrers()


def referral(referrer: str | None, source: str | None, channel: str) -> Referral:
    return Referral(referrer=referrer, source=source, channel=channel)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "https://www.google.co.uk/search?q=secret",
            referral("google.co.uk", "Google", "organic_search"),
            id="a brand on any public suffix",
        ),
        pytest.param(
            "https://de.search.yahoo.com/",
            referral("de.search.yahoo.com", "Yahoo", "organic_search"),
            id="a subdomain",
        ),
        pytest.param(
            "https://mail.yahoo.com/",
            referral("mail.yahoo.com", "Yahoo Mail", "email"),
            id="the longer entry counts",
        ),
        pytest.param(
            "https://docs.google.com/document/d/1",
            referral("docs.google.com", "Google Docs", "referral"),
            id="not everything of a search engine is search",
        ),
        pytest.param(
            "https://l.facebook.com/l.php?u=x",
            referral("l.facebook.com", "Facebook", "organic_social"),
            id="social",
        ),
        pytest.param(
            "https://m.youtube.com/watch?v=x",
            referral("m.youtube.com", "YouTube", "organic_video"),
            id="video",
        ),
        pytest.param(
            "https://www.amazon.de/",
            referral("amazon.de", "Amazon", "organic_shopping"),
            id="shopping",
        ),
        pytest.param(
            "https://chatgpt.com/",
            referral("chatgpt.com", "ChatGPT", "ai_assistant"),
            id="assistant",
        ),
        pytest.param(
            "android-app://com.google.android.gm/",
            referral("com.google.android.gm", "Gmail", "email"),
            id="app",
        ),
        pytest.param(
            "android-app://org.some_body.App",
            referral("org.some-body.app", "org.some-body.app", "referral"),
            id="unknown app",
        ),
        pytest.param(
            "https://webmail.acme.example/inbox",
            referral("webmail.acme.example", "Webmail", "email"),
            id="first label",
        ),
        pytest.param(
            "https://www.partner.example/a?b#c",
            referral("partner.example", "partner.example", "referral"),
            id="unknown host",
        ),
        pytest.param(
            "HTTPS:\\\\WWW.Partner.Example:8443",
            referral("partner.example", "partner.example", "referral"),
            id="capitals, backslashes, port",
        ),
        pytest.param(
            "https://jane:pw@partner.example?x",
            referral("partner.example", "partner.example", "referral"),
            id="name and password, no path",
        ),
        pytest.param(
            "partner.example/a",
            referral("partner.example", "partner.example", "referral"),
            id="no scheme",
        ),
        pytest.param(
            "https://a8f3k2m9x7q1.cdn.partner.com/",
            referral("partner.com", "partner.com", "referral"),
            id="token in the host",
        ),
        pytest.param(
            "https://customer123456.partner.co.uk/",
            referral("partner.co.uk", "partner.co.uk", "referral"),
            id="number in the host",
        ),
        pytest.param(
            "http://203.0.113.7/", referral(None, None, "referral"), id="address"
        ),
        pytest.param(None, NO_REFERRAL, id="none"),
        pytest.param("", NO_REFERRAL, id="empty"),
        pytest.param("$direct", NO_REFERRAL, id="a vendor's word"),
        pytest.param("about:blank", NO_REFERRAL, id="about"),
        pytest.param("file:///home/jane", NO_REFERRAL, id="file"),
        pytest.param("chrome-extension://abc/x", NO_REFERRAL, id="extension"),
        pytest.param("javascript:alert(1)", NO_REFERRAL, id="script"),
        pytest.param("mailto:jane@mail.example", NO_REFERRAL, id="mailto"),
        pytest.param("https://", NO_REFERRAL, id="no host"),
    ],
)
def test_a_referrer_is_stored_as_its_host_and_known_name(
    referrers: Referrers, url: str | None, expected: Referral
) -> None:
    got = referrers.refer(url, PAGE, OWN)

    assert got == expected


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://shop.example/a", id="same host"),
        pytest.param("https://www.shop.example/", id="with www"),
        pytest.param("http://SHOP.example:8080/", id="other spelling"),
        pytest.param("https://de.shop.example/", id="subdomain of a wildcard"),
    ],
)
def test_a_referrer_of_the_same_site_is_internal(
    referrers: Referrers, url: str
) -> None:
    got = referrers.refer(url, PAGE, OWN)

    assert got == Referral(channel=INTERNAL)


@pytest.mark.parametrize("hostname", ["copy.example", "www.copy.example"])
@pytest.mark.parametrize("referring", ["copy.example", "www.copy.example"])
def test_the_host_of_the_page_is_internal_even_if_not_configured(
    referrers: Referrers, hostname: str, referring: str
) -> None:
    page = Page(hostname=hostname, path="/")

    got = referrers.refer(f"https://{referring}/", page, OwnHosts(()))

    assert got.channel == INTERNAL


@pytest.mark.parametrize(
    ("url", "page", "expected"),
    [
        pytest.param(
            None,
            Page(utm_source="google", utm_medium="cpc"),
            referral(None, "Google", "paid_search"),
            id="campaign",
        ),
        pytest.param(
            None,
            Page(utm_source="Spring letter", utm_medium="email"),
            referral(None, "Spring letter", "email"),
            id="a campaign's own name stays",
        ),
        pytest.param(
            "https://mail.google.com/",
            Page(utm_source="spring", utm_medium="email"),
            referral("mail.google.com", "spring", "email"),
            id="campaign before referrer",
        ),
        pytest.param(
            None,
            Page(utm_source="linkedin.com"),
            referral(None, "LinkedIn", "organic_social"),
            id="campaign names a host",
        ),
        pytest.param(
            None,
            Page(utm_source="www.google.de"),
            referral(None, "Google", "organic_search"),
            id="campaign names a brand's host",
        ),
        pytest.param(
            None,
            Page(utm_source="(direct)", utm_medium="(none)"),
            NO_REFERRAL,
            id="empty campaign",
        ),
        pytest.param(
            "https://www.google.com/",
            Page(click_id="gclid"),
            referral("google.com", "Google", "paid_search"),
            id="paid click",
        ),
        pytest.param(
            None,
            Page(click_id="msclkid"),
            referral(None, "Bing", "paid_search"),
            id="click id names the sender",
        ),
        pytest.param(
            "https://l.instagram.com/",
            Page(click_id="fbclid"),
            referral("l.instagram.com", "Instagram", "organic_social"),
            id="referrer before click id",
        ),
        pytest.param(
            None,
            Page(click_id="tblci"),
            referral(None, "Taboola", "display"),
            id="sender is in no list",
        ),
        pytest.param(
            "https://shop.example/a",
            Page(hostname="shop.example", utm_source="google", utm_medium="cpc"),
            referral(None, "Google", "paid_search"),
            id="campaign before the site itself",
        ),
        pytest.param(
            "https://shop.example/a",
            Page(hostname="shop.example", click_id="gclid"),
            Referral(channel=INTERNAL),
            id="the site itself before a click id",
        ),
    ],
)
def test_a_campaign_outranks_the_referrer_and_the_referrer_the_click_id(
    referrers: Referrers, url: str | None, page: Page, expected: Referral
) -> None:
    got = referrers.refer(url, page, OWN)

    assert got == expected


def test_referrer_spam_is_recognized_with_its_subdomains(referrers: Referrers) -> None:
    hosts = ["semalt.com", "x.semalt.com", "mail.semalt.com", "notsemalt.com"]

    got = [referrers.refer(f"http://{host}/", PAGE, OWN).spam for host in hosts]

    assert got == [True, True, True, False]


def test_clearing_the_cache_changes_no_result(referrers: Referrers) -> None:
    before = referrers.refer("https://www.bing.com/", PAGE, OWN)
    referrers.forget()

    assert referrers.refer("https://www.bing.com/", PAGE, OWN) == before


_REFERRERS = Referrers()


@given(
    url=st.text(max_size=80)
    | st.from_regex(r"(https?|android-app)://[\w.@:%-]{0,40}[/?#]?.{0,20}"),
    source=st.none() | st.text(max_size=20),
)
def test_any_referrer_gives_a_host_or_none(url: str, source: str | None) -> None:
    page = Page(hostname="shop.example", utm_source=source)

    got = _REFERRERS.refer(url, page, OWN)

    assert got.referrer is None or re.fullmatch(r"[a-z0-9.-]{1,253}", got.referrer)
    assert re.fullmatch(r"[a-z_]{3,30}", got.channel or "")
    assert got == _REFERRERS.refer(url, page, OWN)


@pytest.mark.parametrize(
    ("channel", "host"),
    [
        pytest.param(channel, host, id=f"{host} {channel}")
        for channel, host in reference_lists.our_hosts()
    ],
)
def test_a_host_has_the_channel_of_its_kind(
    referrers: Referrers, channel: str, host: str
) -> None:
    got = referrers.refer(f"https://{host}/", NO_PAGE, OWN)

    assert got.channel == channel


def test_at_least_95_percent_of_each_medium_of_matomo_have_the_same_class(
    referrers: Referrers,
) -> None:
    reference_lists.need()
    # Two lists may put one host in different classes; both are right.
    accepted: dict[str, set[str]] = {}
    for host, kind in [*reference_lists.matomo_hosts(), *reference_lists.ga4_sources()]:
        accepted.setdefault(host.removeprefix("www."), set()).add(CHANNEL[kind])
    totals: Counter[str] = Counter()
    matches: Counter[str] = Counter()

    for host, kind in reference_lists.matomo_hosts():
        got = referrers.refer(f"https://{host}/", NO_PAGE, OWN).channel
        totals[kind] += 1
        matches[kind] += got in accepted[host.removeprefix("www.")]

    assert totals.total() > 900
    assert matches.total() >= 0.98 * totals.total()
    assert all(matches[kind] >= 0.95 * count for kind, count in totals.items())


def test_at_least_95_percent_of_ga4_sources_have_the_same_class(
    referrers: Referrers,
) -> None:
    reference_lists.need()
    totals: Counter[str] = Counter()
    matches: Counter[str] = Counter()
    for source, kind in reference_lists.ga4_sources():
        got = {referrers.refer(None, Page(utm_source=source), OWN).channel}
        if "." in source:
            got.add(referrers.refer(f"https://{source}/", NO_PAGE, OWN).channel)
        totals[kind] += 1
        # The payment and login pages of a source only bring visitors back.
        matches[kind] += got <= {CHANNEL[kind], INTERNAL}

    assert totals.total() == 819
    assert all(matches[kind] >= 0.95 * count for kind, count in totals.items())


def test_every_matomo_spam_host_is_known(referrers: Referrers) -> None:
    reference_lists.need()

    missed = [
        host
        for host in reference_lists.spam_hosts()
        if not referrers.refer(f"http://www.{host}/x", NO_PAGE, OWN).spam
    ]

    assert missed == []


def test_no_known_source_is_spam(referrers: Referrers) -> None:
    hosts = load_sources().hosts()

    spam = [
        host for host in hosts if referrers.refer(f"https://{host}/", NO_PAGE, OWN).spam
    ]

    assert len(hosts) > 1_000
    assert spam == []
