"""Payment, bank and login pages bring nobody new: they are no source."""

import pytest

from proxy.lists import read_groups
from proxy.page.channel import INTERNAL
from proxy.page.ignored_referrers import starting_no_acquisition
from proxy.page.page import Page
from proxy.page.referrer import Referral, Referrers
from proxy.page.sources import load_sources

SHOP = starting_no_acquisition(("shop.example",), ("bank.example", "*.club.example"))
PAGE = Page(hostname="shop.example", path="/thanks")
BACK = Referral(channel=INTERNAL)
GROUPS = read_groups("ignored_referrers.txt")


@pytest.fixture(scope="module")
def referrers() -> Referrers:
    return Referrers()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://www.paypal.com/checkoutnow", id="wallet"),
        pytest.param("https://checkout.stripe.com/", id="payment"),
        pytest.param("https://checkoutshopper-live-us.adyen.com/", id="subdomain"),
        pytest.param("https://secure.payu.com.pl/", id="brand on any suffix"),
        pytest.param("https://pay.amazon.co.uk/", id="part of a source"),
        pytest.param("https://pay.klarna.com/", id="instalments"),
        pytest.param("https://betalen.rabobank.nl/", id="bank"),
        pytest.param("https://www.sofort.com/", id="bank transfer"),
        pytest.param("https://centinelapi.cardinalcommerce.com/", id="3-D Secure"),
        pytest.param(
            "https://acs2.issuer.example/challenge", id="3-D Secure, any host"
        ),
        pytest.param("https://3ds2.issuer.example/", id="digits of its own"),
        pytest.param("https://accounts.google.com/o/oauth2", id="login"),
        pytest.param("https://shop.eu.auth0.com/", id="login of a tenant"),
        pytest.param("https://sso.school.example/", id="login, any host"),
        pytest.param("https://login.yahoo.com/", id="login of a search engine"),
        pytest.param("android-app://com.paypal.android.p2pmobile", id="app"),
        pytest.param("https://www.bank.example/", id="the site's own list"),
        pytest.param("https://pay.my.club.example/", id="its wildcard"),
        pytest.param("https://club.example/", id="the host of its wildcard"),
    ],
)
def test_a_page_that_only_brings_back_starts_no_acquisition(
    referrers: Referrers, url: str
) -> None:
    assert referrers.refer(url, PAGE, SHOP) == BACK


@pytest.mark.parametrize(
    ("url", "channel"),
    [
        pytest.param("https://www.google.com/", "organic_search", id="search"),
        pytest.param("https://www.klarna.com/", "organic_shopping", id="it sells too"),
        pytest.param("https://shop.app/", "organic_shopping", id="an app that sells"),
        pytest.param("https://pay.reddit.com/", "organic_social", id="known source"),
        pytest.param("https://login.example/", "referral", id="label is the name"),
        pytest.param("https://notpaypal.com/", "referral", id="only ends alike"),
        pytest.param("https://paypal.com.evil.example/", "referral", id="begins alike"),
        pytest.param("https://paymentnews.example.org/", "referral", id="longer label"),
        pytest.param("https://other.example/", "referral", id="not on the site's list"),
    ],
)
def test_other_referrers_still_count(
    referrers: Referrers, url: str, channel: str
) -> None:
    got = referrers.refer(url, PAGE, SHOP)

    assert got.channel == channel
    assert got.referrer is not None


def test_a_campaign_outranks_a_page_that_only_brings_back(
    referrers: Referrers,
) -> None:
    page = Page(hostname="shop.example", utm_source="june", utm_medium="email")

    got = referrers.refer("https://www.paypal.com/", page, SHOP)

    assert got == Referral(source="june", channel="email")


def test_a_click_id_on_the_way_back_starts_no_acquisition(
    referrers: Referrers,
) -> None:
    page = Page(hostname="shop.example", click_id="gclid")

    assert referrers.refer("https://www.paypal.com/", page, SHOP) == BACK


def test_spam_is_spam_behind_any_label(referrers: Referrers) -> None:
    assert referrers.refer("https://login.semalt.com/", PAGE, SHOP).spam


def test_every_kind_of_page_is_listed() -> None:
    counts = {group: len(words) for group, words in GROUPS.items()}

    assert counts.keys() == {
        *("payment", "wallet", "instalments", "bank", "3ds", "login", "labels")
    }
    assert sum(counts.values()) > 400


def test_no_host_is_a_source_that_acquires_and_an_ignored_one() -> None:
    sources = load_sources()
    hosts = frozenset[str]().union(*GROUPS.values())

    acquiring = {
        host
        for host in hosts & sources.hosts()
        if (source := sources.of_host(host)) is None or source.kind != "other"
    }

    assert acquiring == set()
