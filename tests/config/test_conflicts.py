"""Settings that contradict each other are problems, though each is sound alone."""

import pytest

from config.conflicts import conflicts
from config.settings import ProxySettings, Settings, SiteSettings

SHOP = SiteSettings(id="shop", domains=("shop.example",), keys=("k1",))
DIGEST = "sha256:" + "0" * 64


def lines(*sites: SiteSettings, proxy: ProxySettings | None = None) -> list[str]:
    """Return what contradicts itself in a configuration of *sites*."""
    settings = Settings(proxy=proxy or ProxySettings(), sites=sites)
    return [str(problem) for problem in conflicts(settings)]


@pytest.mark.parametrize("source", ["xff", "forwarded", "header:x-real-ip"])
def test_a_header_needs_a_trusted_proxy(source: str) -> None:
    got = lines(SHOP, proxy=ProxySettings(client_ip=source))

    assert len(got) == 1
    assert got[0].startswith(f"proxy.trusted_proxies: client_ip = '{source}' needs")


def test_a_header_from_a_trusted_proxy_is_fine() -> None:
    proxy = ProxySettings(client_ip="xff", trusted_proxies=("10.0.0.1/32",))

    assert lines(SHOP, proxy=proxy) == []


def test_a_site_is_needed() -> None:
    assert lines() == ["sites: must hold at least one [[sites]] table"]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(
            SiteSettings(id="shop", domains=("b.example",)),
            "sites[1].id: site id 'shop' is already taken by sites[0].id",
            id="id",
        ),
        pytest.param(
            SiteSettings(id="b", domains=("b.example", "shop.example")),
            "sites[1].domains[1]: domain 'shop.example' is already taken by"
            " sites[0].domains[0]",
            id="domain",
        ),
        pytest.param(
            SiteSettings(id="b", domains=("b.example",), keys=("k1",)),
            "sites[1].keys[0]: key is already taken by sites[0].keys[0]",
            id="key, which is not quoted",
        ),
        pytest.param(
            SiteSettings(id="b", domains=("b.example",), secret_keys=(DIGEST, DIGEST)),
            "sites[1].secret_keys[1]: secret key is already taken by"
            " sites[1].secret_keys[0]",
            id="secret key, which is not quoted",
        ),
        pytest.param(
            SiteSettings(id="b", domains=()),
            "sites[1].domains: must name at least one host",
            id="no domain",
        ),
    ],
)
def test_sites_share_nothing(other: SiteSettings, expected: str) -> None:
    assert lines(SHOP, other) == [expected]


def test_a_subdomain_is_another_domain_than_the_pattern_that_takes_it_in() -> None:
    pattern = SiteSettings(id="b", domains=("*.example",))

    assert lines(SHOP, pattern) == []


@pytest.mark.parametrize("key", ["order_id", "userId", "session-id", "uuid"])
def test_a_property_that_names_an_id_is_refused(key: str) -> None:
    site = SiteSettings(
        id="b", domains=("b.example",), props_allow=("plan", "product_id", key)
    )

    (got,) = lines(site)

    assert got.startswith(f"sites[0].props_allow[2]: {key!r} names an id")


def test_an_id_that_is_declared_on_purpose_is_allowed() -> None:
    site = SiteSettings(id="b", domains=("b.example",), props_allow_ids=("order_id",))

    assert lines(site) == []
