"""Behind a real nginx, forged headers do not change the client address."""

from collections.abc import Iterator
from itertools import product

import pytest

from tests.proxy.nginx_chain import EDGE, NEAR, VISITOR, NginxChain, running_nginx_chain

LIES = (
    "192.0.2.66",
    "192.0.2.66, 198.51.100.9",
    "192.0.2.66:80",
    "[2001:db8::66]:80",
    "2001:db8::66",
    "::ffff:192.0.2.66",
    NEAR,
    EDGE,
    f"192.0.2.66, {NEAR}",
    f"192.0.2.66, {EDGE}, {NEAR}",
    "127.0.0.1",
    "unknown",
    "_hidden",
    "garbage",
    "ünï",
    ",",
    ", ,192.0.2.66, ,",
    '"',
    'for="192.0.2.66',
    "for=192.0.2.66",
    'for="[2001:db8::66]"',
    f"for=192.0.2.66, for={NEAR}",
    "for=192.0.2.66;for=198.51.100.9",
    'for="192.0.2.66\\"',
    "\\",
    "\t192.0.2.66\t",
    "192.0.2.66 " * 20,
    "192.0.2.66," * 500,
    "x" * 4_000,
    f"{NEAR}," * 40,
)
NAMES = (
    "X-Forwarded-For",
    "x-forwarded-for",
    "Forwarded",
    "X-Real-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
)
FORGED = [[(name, lie)] for name, lie in product(NAMES, LIES)] + [
    [(name, lie), (name, "192.0.2.67"), ("Forwarded", "for=192.0.2.68")]
    for name, lie in product(NAMES[:1], LIES)
]


@pytest.fixture(scope="module")
def nginx_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxChain]:
    """Return an application behind one proxy and behind two proxies."""
    with running_nginx_chain(tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.mark.parametrize(
    ("route", "client_ip"),
    [
        ("direct", "peer"),
        ("direct", "xff"),
        ("direct", "forwarded"),
        ("direct", "header:X-Real-IP"),
        ("one proxy", "xff"),
        ("one proxy", "forwarded"),
        ("one proxy", "header:X-Real-IP"),
        ("two proxies", "xff"),
        ("two proxies", "forwarded"),
    ],
)
def test_200_forged_headers_do_not_change_the_client(
    nginx_chain: NginxChain, route: str, client_ip: str
) -> None:
    got = nginx_chain.ask(route, client_ip, [[], *FORGED])

    assert len(FORGED) >= 200
    assert got == [VISITOR] * (len(FORGED) + 1)


@pytest.mark.parametrize(
    ("route", "client_ip", "expected"),
    [
        pytest.param("one proxy", "peer", NEAR, id="the proxy is the peer"),
        pytest.param(
            "two proxies", "peer", NEAR, id="the nearest of two proxies is the peer"
        ),
        pytest.param("one proxy", "header:CF-Connecting-IP", "None", id="not sent"),
    ],
)
def test_a_missing_source_is_not_replaced_by_another(
    nginx_chain: NginxChain, route: str, client_ip: str, expected: str
) -> None:
    got = nginx_chain.ask(route, client_ip, [[("X-Forwarded-For", "192.0.2.66")]])

    assert got == [expected]
