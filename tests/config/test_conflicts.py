"""Settings that contradict each other are problems, even if each is valid alone."""

import pytest

from config.conflicts import conflicts
from config.settings import (
    ProxySettings,
    ReportsSettings,
    Settings,
    SiteSettings,
)

SHOP = SiteSettings(id="shop", domains=("shop.example",), keys=("k1",))
DIGEST = "sha256:" + "0" * 64


def conflict_lines(
    *sites: SiteSettings, proxy: ProxySettings | None = None
) -> list[str]:
    """Return the conflicts in a configuration of *sites*."""
    settings = Settings(proxy=proxy or ProxySettings(), sites=sites)
    return [str(problem) for problem in conflicts(settings)]


@pytest.mark.parametrize("source", ["xff", "forwarded", "header:x-real-ip"])
def test_a_header_needs_a_trusted_proxy(source: str) -> None:
    got = conflict_lines(SHOP, proxy=ProxySettings(client_ip=source))

    assert len(got) == 1
    assert got[0].startswith(f"proxy.trusted_proxies: client_ip = '{source}' needs")


def test_a_header_from_a_trusted_proxy_is_no_conflict() -> None:
    proxy = ProxySettings(client_ip="xff", trusted_proxies=("10.0.0.1/32",))

    assert conflict_lines(SHOP, proxy=proxy) == []


def test_at_least_one_site_is_required() -> None:
    assert conflict_lines() == ["sites: must hold at least one [[sites]] table"]


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
            id="key, not quoted",
        ),
        pytest.param(
            SiteSettings(id="b", domains=("b.example",), secret_keys=(DIGEST, DIGEST)),
            "sites[1].secret_keys[1]: secret key is already taken by"
            " sites[1].secret_keys[0]",
            id="secret key, not quoted",
        ),
        pytest.param(
            SiteSettings(id="b", formerly=("shop",), domains=("b.example",)),
            "sites[1].formerly[0]: site id 'shop' is already taken by sites[0].id",
            id="a former id that is a site",
        ),
        pytest.param(
            SiteSettings(id="b", formerly=("a", "a"), domains=("b.example",)),
            "sites[1].formerly[1]: site id 'a' is already taken by"
            " sites[1].formerly[0]",
            id="a former id twice",
        ),
        pytest.param(
            SiteSettings(id="b", formerly=("b",), domains=("b.example",)),
            "sites[1].formerly[0]: site id 'b' is already taken by sites[1].id",
            id="its own id as a former id",
        ),
        pytest.param(
            SiteSettings(id="b", domains=()),
            "sites[1].domains: must name at least one host",
            id="no domain",
        ),
    ],
)
def test_sites_share_no_id_domain_or_key(other: SiteSettings, expected: str) -> None:
    assert conflict_lines(SHOP, other) == [expected]


def test_a_domain_does_not_conflict_with_a_pattern_that_matches_it() -> None:
    pattern = SiteSettings(id="b", domains=("*.example",))

    assert conflict_lines(SHOP, pattern) == []


@pytest.mark.parametrize("key", ["order_id", "userId", "session-id", "uuid"])
def test_a_property_that_names_an_id_is_refused(key: str) -> None:
    site = SiteSettings(
        id="b", domains=("b.example",), props_allow=("plan", "product_id", key)
    )

    (got,) = conflict_lines(site)

    assert got.startswith(f"sites[0].props_allow[2]: {key!r} names an id")


def test_an_id_that_is_declared_on_purpose_is_allowed() -> None:
    site = SiteSettings(id="b", domains=("b.example",), props_allow_ids=("order_id",))

    assert conflict_lines(site) == []


@pytest.mark.parametrize(
    ("proxy", "reports", "is_conflict"),
    [
        pytest.param(("127.0.0.1", 8080), ("127.0.0.1", 8080), True, id="same"),
        pytest.param(("127.0.0.1", 8080), ("localhost", 8080), True, id="by name"),
        pytest.param(
            ("0.0.0.0", 8080),  # noqa: S104 - compared, not bound
            ("10.0.0.1", 8080),
            True,
            id="all addresses",
        ),
        pytest.param(("10.0.0.1", 8080), ("::", 8080), True, id="all, IPv6"),
        pytest.param(("127.0.0.1", 8080), ("10.0.0.1", 8080), False, id="addresses"),
        pytest.param(("127.0.0.1", 8080), ("127.0.0.1", 8081), False, id="ports"),
        pytest.param(("127.0.0.1", 0), ("127.0.0.1", 0), False, id="any free port"),
    ],
)
def test_two_servers_need_two_ports(
    proxy: tuple[str, int], reports: tuple[str, int], *, is_conflict: bool
) -> None:
    settings = Settings(
        proxy=ProxySettings(host=proxy[0], port=proxy[1]),
        reports=ReportsSettings(host=reports[0], port=reports[1]),
        sites=(SHOP,),
    )
    got = [str(problem) for problem in conflicts(settings)]

    expected = ["reports.port: 8080 is already taken by proxy.port"]
    assert got == (expected if is_conflict else [])
