"""The doctor finds settings that make the client address wrong or forgeable."""

from typing import Any

import pytest

from config.settings import ProxySettings
from proxy.doctor.client_address import client_address
from proxy.doctor.finding import Level


def client_address_findings(**values: Any) -> list[tuple[str, str]]:
    """Return level and text of each finding about a proxy."""
    findings = client_address(ProxySettings(**values))
    return [(finding.level.value, finding.text) for finding in findings]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("127.0.0.1", "finding", id="this machine"),
        pytest.param("::1", "finding", id="this machine, by IPv6"),
        pytest.param("localhost", "finding", id="this machine, by name"),
        pytest.param("10.0.0.5", "look", id="a private network"),
        pytest.param("fd00::5", "look", id="a private network, by IPv6"),
        pytest.param("0.0.0.0", "fine", id="everywhere"),  # noqa: S104 - judged only
        pytest.param("::", "fine", id="everywhere, by IPv6"),
        pytest.param("203.0.113.5", "fine", id="a public address"),
        pytest.param("stats.example", "fine", id="a name that could be anywhere"),
    ],
)
def test_peer_addresses_need_direct_connections(host: str, expected: str) -> None:
    ((level, text),) = client_address_findings(host=host)

    assert level == expected
    assert ("private peer, no trusted proxy configured" in text) == (level != "fine")


@pytest.mark.parametrize(
    ("host", "trusted", "expected"),
    [
        pytest.param("127.0.0.1", "127.0.0.1/32", "fine", id="the machine itself"),
        pytest.param("127.0.0.1", "::1/128", "fine", id="the machine, by IPv6"),
        pytest.param("127.0.0.1", "127.0.0.0/8", "fine", id="all of the machine"),
        pytest.param("127.0.0.1", "10.0.0.0/8", "finding", id="never the peer"),
        pytest.param("0.0.0.0", "10.0.0.0/8", "fine", id="a balancer"),  # noqa: S104 - as above
    ],
)
def test_a_header_needs_a_trusted_peer(host: str, trusted: str, expected: str) -> None:
    findings = client_address_findings(
        host=host, client_ip="xff", trusted_proxies=(trusted,)
    )

    assert [level for level, _ in findings] == [expected]


@pytest.mark.parametrize(
    ("trusted", "wide"),
    [
        pytest.param(("0.0.0.0/1", "128.0.0.0/1"), 2, id="everybody, in two halves"),
        pytest.param(("64.0.0.0/7",), 1, id="wider than any CDN's"),
        pytest.param(("2000::/3",), 1, id="all of IPv6"),
        pytest.param(("104.16.0.0/12", "2a06:98c0::/29"), 0, id="a CDN's"),
        pytest.param(("10.0.0.0/8", "fc00::/7"), 0, id="private networks"),
    ],
)
def test_a_very_wide_trusted_network_is_a_finding(
    trusted: tuple[str, ...], wide: int
) -> None:
    host = "0.0.0.0"  # noqa: S104 - judged only
    findings = client_address_findings(
        host=host, client_ip="xff", trusted_proxies=trusted
    )

    assert [level for level, _ in findings].count(Level.FINDING) == wide
