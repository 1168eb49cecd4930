"""Sites that no page can match, and sites of an internal network, are reported."""

from pathlib import Path

import pytest

from config.settings import ProxySettings, Settings, SiteSettings
from proxy.doctor.nginx import nginx
from proxy.doctor.sites import sites

XFF = ProxySettings(client_ip="xff", trusted_proxies=("127.0.0.1/32",))


@pytest.mark.parametrize(
    ("domains", "expected"),
    [
        pytest.param(("shop.example",), ["finding sites"], id="as init wrote it"),
        pytest.param(("shop.example", "shop.de"), [], id="one host added"),
        pytest.param(("shop.de",), [], id="edited"),
        pytest.param(("*.shop.de",), [], id="wildcard"),
        pytest.param(("192.168.1.7",), ["look client address"], id="private address"),
        pytest.param(("203.0.113.7",), [], id="public address"),
        pytest.param(("wiki",), ["look client address"], id="one word"),
        pytest.param(("wiki.corp",), ["look client address"], id="internal name"),
        pytest.param(("*.x.home.arpa",), ["look client address"], id="wildcard there"),
        pytest.param(("local.de",), [], id="only looks internal"),
    ],
)
def test_a_site_that_counts_nobody_is_reported(
    domains: tuple[str, ...], expected: list[str]
) -> None:
    settings = Settings(proxy=XFF, sites=(SiteSettings(id="shop", domains=domains),))

    assert [f"{item.level} {item.about}" for item in sites(settings)] == expected


@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param(ProxySettings(), id="the peer counts in any case"),
        pytest.param(
            ProxySettings(client_ip="xff", private_clients=True), id="private clients"
        ),
    ],
)
def test_an_intranet_is_fine_where_private_addresses_count(
    proxy: ProxySettings,
) -> None:
    settings = Settings(proxy=proxy, sites=(SiteSettings(id="a", domains=("wiki",)),))

    assert list(sites(settings)) == []


@pytest.mark.parametrize(
    ("names", "prefix", "expected"),
    [
        pytest.param("shop.de", "/stats", [], id="the site"),
        pytest.param("WWW.Shop.de", "/stats", [], id="with www and capitals"),
        pytest.param("m.shop.de", "/stats", ["finding"], id="a host not listed"),
        pytest.param("shop.de shop.com", "/stats", ["look"], id="one of two"),
        pytest.param("blog.news.de", "/stats", [], id="under a wildcard"),
        pytest.param(".shop.com", "/stats", ["finding"], id="a domain and below"),
        pytest.param("stats.shop.de", "", ["look"], id="a host for Millpond alone"),
        pytest.param("_", "/stats", [], id="no name"),
        pytest.param("localhost", "/stats", [], id="a default name"),
        pytest.param('*.shop.com ~^x$ ""', "/stats", [], id="patterns"),
    ],
)
def test_the_names_of_the_servers_are_compared_with_the_domains(
    tmp_path: Path, names: str, prefix: str, expected: list[str]
) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(
        f"http {{ server {{ server_name {names};"
        f" location / {{ proxy_pass http://127.0.0.1:8080; }} }}"
        " server { server_name other.de; location / { return 204; } } }"
    )
    proxy = ProxySettings(path_prefix=prefix)
    found = nginx(proxy, file, ["shop.de", "*.news.de"])

    assert [item.level.value for item in found if item.about == "sites"] == expected
