"""A host is normalized, and the result is always a host or None."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.host import OwnHosts, is_address, parse_host, without_www


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        pytest.param("shop.example", "shop.example", id="plain"),
        pytest.param("Shop.Example:8443", "shop.example", id="capitals and port"),
        pytest.param("jane:pw@shop.example", "shop.example", id="name and password"),
        pytest.param("a@b@shop.example:80", "shop.example", id="two at signs"),
        pytest.param("shop.example.", "shop.example", id="root dot"),
        pytest.param("bücher.example", "xn--bcher-kva.example", id="other letters"),
        pytest.param("localhost", "localhost", id="one label"),
        pytest.param("127.0.0.1:80", "127.0.0.1", id="IPv4"),
        pytest.param("[2001:db8::1]:80", None, id="IPv6"),
        pytest.param("", None, id="nothing"),
        pytest.param(".", None, id="dot"),
        pytest.param("a..b", None, id="empty label"),
        pytest.param("-a.example", None, id="hyphen first"),
        pytest.param("a b.example", None, id="blank"),
        pytest.param("a%2eb", None, id="encoded"),
        pytest.param("a/b", None, id="slash"),
        pytest.param("x" * 254, None, id="too long"),
        pytest.param("é" * 2_000, None, id="far too long"),
    ],
)
def test_a_host_is_extracted_and_lower_cased(
    authority: str, expected: str | None
) -> None:
    got = parse_host(authority)

    assert got == expected


@given(authority=st.text(max_size=300))
def test_any_authority_gives_a_valid_host_or_none(authority: str) -> None:
    got = parse_host(authority)

    assert got is None or re.fullmatch(r"[a-z0-9.-]{1,253}", got)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("203.0.113.7", True),
        ("shop.example", False),
        ("7.example", False),
        ("1", False),
    ],
)
def test_an_ip_address_is_not_a_host_name(host: str, expected: bool) -> None:  # noqa: FBT001
    assert is_address(host) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("www.shop.example", "shop.example"), ("www.example", "www.example"), ("a", "a")],
)
def test_www_is_removed_if_a_name_remains(host: str, expected: str) -> None:
    assert without_www(host) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("shop.example", True, id="exact"),
        pytest.param("www.shop.example", True, id="with www"),
        pytest.param("de.shop.example", False, id="subdomain of an exact name"),
        pytest.param("a.b.world.example", True, id="subdomain of a wildcard"),
        pytest.param("world.example", False, id="wildcard's own name"),
        pytest.param("myshop.example", False, id="same ending"),
        pytest.param("blog.example", True, id="configured with www"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_the_hosts_of_a_site_are_its_domains(host: str, expected: bool) -> None:  # noqa: FBT001
    own = OwnHosts(("shop.example", "*.world.example", "www.blog.example"))

    assert (host in own) == expected
