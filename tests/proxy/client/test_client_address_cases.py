"""The exact client address for every kind of request.

The trusted proxies are 10.0.0.0/8 and 2001:db8:ffff::/48, the CDN is 198.51.100.0/24.
"""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from config.settings import ProxySettings
from proxy.client.client import ClientSource

NGINX = "10.0.0.2"
NGINX_6 = "2001:db8:ffff::2"
EDGE = "198.51.100.7"
VISITOR = "203.0.113.77"
VISITOR_6 = "2001:db8::dead:beef"
LIAR = "192.0.2.66"

XFF = "X-Forwarded-For"
FORWARDED = "Forwarded"
CF = "CF-Connecting-IP"

# An address and 31 hops; the spaces make it the longest text that is read.
TWO_KIB = VISITOR.ljust(33) + ("," + "10.0.0.9".rjust(64)) * 31

OURS = ("10.0.0.0/8", "2001:db8:ffff::/48", "198.51.100.0/24")


def address(
    client_ip: str,
    peer: str | None,
    lines: list[tuple[str, str]],
    trusted: tuple[str, ...] = OURS,
) -> str | None:
    settings = ProxySettings(client_ip=client_ip, trusted_proxies=trusted)
    headers = CIMultiDictProxy(CIMultiDict(lines))
    return ClientSource(settings).address(peer, headers)


@pytest.mark.parametrize(
    ("peer", "lines", "expected"),
    [
        pytest.param(VISITOR, [], VISITOR, id="v4"),
        pytest.param(VISITOR_6, [], VISITOR_6, id="v6"),
        pytest.param("2001:DB8:0::DEAD:BEEF", [], VISITOR_6, id="v6 long spelling"),
        pytest.param("::ffff:203.0.113.77", [], VISITOR, id="mapped v4"),
        pytest.param("fe80::1%eth0", [], "fe80::1", id="zone cut"),
        pytest.param("127.0.0.1", [], "127.0.0.1", id="loopback peer"),
        pytest.param(None, [], None, id="unix socket"),
        pytest.param("", [], None, id="empty peer"),
        pytest.param(VISITOR, [(XFF, LIAR)], VISITOR, id="forged xff"),
        pytest.param(VISITOR, [(FORWARDED, f"for={LIAR}")], VISITOR, id="forged for="),
        pytest.param(VISITOR, [(CF, LIAR)], VISITOR, id="forged cdn header"),
        pytest.param(NGINX, [(XFF, VISITOR)], NGINX, id="no header is read"),
    ],
)
def test_by_default_the_client_is_the_peer(
    peer: str | None, lines: list[tuple[str, str]], expected: str | None
) -> None:
    got = address("peer", peer, lines)

    assert got == expected


@pytest.mark.parametrize("client_ip", ["xff", "forwarded", "header:CF-Connecting-IP"])
@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        pytest.param(VISITOR, VISITOR, id="direct"),
        pytest.param(
            "192.168.1.4", "192.168.1.4", id="private, but not a trusted proxy"
        ),
        pytest.param(None, None, id="unix socket"),
    ],
)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="no header"),
        pytest.param(
            [(XFF, LIAR), (FORWARDED, f"for={LIAR}"), (CF, LIAR)], id="forged"
        ),
    ],
)
def test_an_untrusted_peer_is_the_client_whatever_headers_it_sends(
    client_ip: str, peer: str | None, expected: str | None, lines: list[tuple[str, str]]
) -> None:
    got = address(client_ip, peer, lines)

    assert got == expected


@pytest.mark.parametrize(
    ("peer", "values", "expected"),
    [
        pytest.param(NGINX, [VISITOR], VISITOR, id="one proxy"),
        pytest.param(NGINX_6, [VISITOR_6], VISITOR_6, id="one proxy, v6"),
        pytest.param("::ffff:10.0.0.2", [VISITOR], VISITOR, id="proxy mapped into v6"),
        pytest.param(NGINX, [f"{VISITOR}, 10.0.0.9"], VISITOR, id="two proxies"),
        pytest.param(NGINX, [f"{VISITOR}, {EDGE}"], VISITOR, id="cdn and nginx"),
        pytest.param(NGINX, [], None, id="header missing"),
        pytest.param(NGINX, [""], None, id="header empty"),
        pytest.param(NGINX, [" , ,"], None, id="only empty items"),
        pytest.param(NGINX, [f"{LIAR}, {VISITOR}"], VISITOR, id="forged left"),
        pytest.param(
            NGINX, [f"{VISITOR}, {LIAR}"], LIAR, id="the right entry is from nginx"
        ),
        pytest.param(NGINX, [f"{LIAR}, 10.9.9.9, {VISITOR}"], VISITOR, id="forged hop"),
        pytest.param(NGINX, [LIAR, VISITOR], VISITOR, id="two lines in order"),
        pytest.param(NGINX, [LIAR, f"{VISITOR},{EDGE}"], VISITOR, id="lines and items"),
        pytest.param(NGINX, [f"{VISITOR}, , {EDGE}"], VISITOR, id="empty item skipped"),
        pytest.param(NGINX, [f"{VISITOR}, "], VISITOR, id="empty item last"),
        pytest.param(NGINX, [f"  {VISITOR}\t "], VISITOR, id="spaces and tabs"),
        pytest.param(
            NGINX, [f"{LIAR}\t,\t{VISITOR}"], VISITOR, id="tabs around a comma"
        ),
        pytest.param(NGINX, [f"{VISITOR}:4711"], VISITOR, id="v4 with port"),
        pytest.param(NGINX, [f"[{VISITOR_6}]:4711"], VISITOR_6, id="v6 with port"),
        pytest.param(NGINX, [f"[{VISITOR_6}]"], VISITOR_6, id="v6 in brackets"),
        pytest.param(NGINX, [f"{VISITOR_6}%eth0"], VISITOR_6, id="v6 with zone"),
        pytest.param(NGINX, [f"[{VISITOR_6}%2]:80"], VISITOR_6, id="zone and port"),
        pytest.param(NGINX, ["2001:DB8::DEAD:BEEF"], VISITOR_6, id="v6 upper case"),
        pytest.param(NGINX, [f"::ffff:{VISITOR}"], VISITOR, id="v4 mapped"),
        pytest.param(NGINX, [f"[::FFFF:{VISITOR}]:1"], VISITOR, id="v4 mapped, port"),
        pytest.param(NGINX, [f"{VISITOR}, ::ffff:10.1.1.1"], VISITOR, id="mapped hop"),
        pytest.param(NGINX, [f"{VISITOR}, 10.1.1.1:80"], VISITOR, id="hop with port"),
        pytest.param(NGINX, ["unknown"], None, id="unknown"),
        pytest.param(NGINX, ["_secret"], None, id="hidden"),
        pytest.param(NGINX, [f"{VISITOR}, unknown, 10.0.0.9"], None, id="stops there"),
        pytest.param(NGINX, [f"{VISITOR}, x"], None, id="garbage last"),
        pytest.param(NGINX, [f"x, {VISITOR}"], VISITOR, id="garbage first"),
        pytest.param(NGINX, [f"ünï, {VISITOR}"], VISITOR, id="non-ASCII first"),
        pytest.param(NGINX, [f"{VISITOR}, ünï"], None, id="non-ASCII last"),
        pytest.param(
            NGINX, ["\uff12\uff10\uff13.0.113.77"], None, id="digits of another script"
        ),
        pytest.param(NGINX, [f"{VISITOR}\udcff"], None, id="undecodable byte"),
        pytest.param(NGINX, [f'"{VISITOR}"'], None, id="quotes"),
        pytest.param(NGINX, [f"[{VISITOR_6}"], None, id="unclosed bracket"),
        pytest.param(NGINX, [f"{VISITOR_6}]"], None, id="unopened bracket"),
        pytest.param(NGINX, [f"{VISITOR}:"], None, id="port missing"),
        pytest.param(NGINX, [f"{VISITOR}:http"], None, id="port no number"),
        pytest.param(NGINX, [f"{VISITOR}%eth0"], None, id="v4 has no zone"),
        pytest.param(NGINX, ["203.0.113"], None, id="three parts"),
        pytest.param(NGINX, ["203.0.113.256"], None, id="part too large"),
        pytest.param(NGINX, ["203.0.113.077"], None, id="leading zero"),
        pytest.param(NGINX, ["3405803853"], None, id="decimal"),
        pytest.param(NGINX, ["0xcb.0x0.0x71.0x4d"], None, id="hex"),
        pytest.param(NGINX, [f"{VISITOR} {LIAR}"], None, id="space instead of a comma"),
        pytest.param(NGINX, [f"for={VISITOR}"], None, id="the other header's syntax"),
        pytest.param(NGINX, ["http://203.0.113.77/"], None, id="a URL"),
        pytest.param(NGINX, ["1" * 5_000], None, id="5,000 digits"),
        pytest.param(NGINX, [("9" * 2_100) + f",{VISITOR}"], VISITOR, id="2 KiB left"),
        pytest.param(NGINX, [f"{VISITOR}," + " " * 2_100], None, id="2 KiB right"),
        pytest.param(NGINX, [f"{LIAR}," * 10_000 + VISITOR], VISITOR, id="10,000 left"),
        pytest.param(
            NGINX, [VISITOR + ",10.0.0.9" * 31], VISITOR, id="32 hops are walked"
        ),
        pytest.param(
            NGINX, [VISITOR + ",10.0.0.9" * 32], None, id="33 hops are too many"
        ),
        pytest.param(NGINX, [VISITOR + "," * 40], None, id="empty items count as hops"),
        pytest.param(
            NGINX, [VISITOR, *["10.0.0.9"] * 40], None, id="40 lines are 40 hops"
        ),
        pytest.param(NGINX, ["9" + TWO_KIB], None, id="2 KiB cut an address"),
        pytest.param(NGINX, [TWO_KIB], VISITOR, id="exactly 2 KiB"),
        pytest.param(NGINX, [f"{EDGE}, {EDGE}"], EDGE, id="all trusted: the leftmost"),
        pytest.param(NGINX, ["10.0.0.9"], None, id="all trusted and private"),
        pytest.param(NGINX, ["192.168.1.4"], None, id="private"),
        pytest.param(NGINX, ["172.31.0.1"], None, id="private, class B"),
        pytest.param(NGINX, ["127.0.0.1"], None, id="loopback"),
        pytest.param(NGINX, ["::1"], None, id="loopback v6"),
        pytest.param(NGINX, ["169.254.1.1"], None, id="link-local"),
        pytest.param(NGINX, ["fe80::1%eth0"], None, id="link-local v6"),
        pytest.param(NGINX, ["fd00::1"], None, id="unique local v6"),
        pytest.param(NGINX, ["100.64.0.1"], None, id="carrier's"),
        pytest.param(NGINX, ["0.0.0.1"], None, id="this network"),
        pytest.param(NGINX, ["::"], None, id="unspecified v6"),
        pytest.param(NGINX, ["224.0.0.1"], None, id="multicast"),
        pytest.param(NGINX, ["255.255.255.255"], None, id="broadcast"),
        pytest.param(
            NGINX, [f"{VISITOR}, 192.168.1.4"], None, id="an untrusted private proxy"
        ),
    ],
)
def test_xff_is_read_from_the_right_past_trusted_proxies(
    peer: str, values: list[str], expected: str | None
) -> None:
    got = address("xff", peer, [(XFF, value) for value in values])

    assert got == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([f"for={VISITOR}"], VISITOR, id="token"),
        pytest.param([f'for="{VISITOR}"'], VISITOR, id="quoted"),
        pytest.param([f'for="{VISITOR}:4711"'], VISITOR, id="port"),
        pytest.param([f'for="{VISITOR}:_hidden"'], VISITOR, id="hidden port"),
        pytest.param([f'for="[{VISITOR_6}]"'], VISITOR_6, id="v6"),
        pytest.param([f'for="[{VISITOR_6}]:4711"'], VISITOR_6, id="v6 with port"),
        pytest.param([f"for=[{VISITOR_6}]"], VISITOR_6, id="v6 without quotes"),
        pytest.param([f"For={VISITOR}"], VISITOR, id="mixed case"),
        pytest.param([f"by=10.0.0.2;FOR={VISITOR};proto=https"], VISITOR, id="others"),
        pytest.param([f' for={VISITOR} ; host="a;b,c" '], VISITOR, id="quoted marks"),
        pytest.param([f'for={VISITOR};host="a\\",b"'], VISITOR, id="escaped quote"),
        pytest.param(
            [f'for={LIAR}, for={VISITOR};host="a\\",b"'], VISITOR, id="escape, comma"
        ),
        pytest.param([f'for={VISITOR};host="a\\\\"'], VISITOR, id="escaped backslash"),
        pytest.param(['for="203.0.113\\.77"'], VISITOR, id="escaped character"),
        pytest.param([f"for={VISITOR};;proto=http;"], VISITOR, id="empty pairs"),
        pytest.param([f"for={VISITOR}, for=10.0.0.9"], VISITOR, id="two proxies"),
        pytest.param([f"for={LIAR}", f"for={VISITOR}"], VISITOR, id="two lines"),
        pytest.param([f"for={LIAR},, for={VISITOR}, "], VISITOR, id="empty elements"),
        pytest.param([f'for="{LIAR}, for={VISITOR}'], VISITOR, id="open quote left"),
        pytest.param([f'x", for={VISITOR}'], VISITOR, id="stray quote left"),
        pytest.param([f'\\, for="{VISITOR}"'], VISITOR, id="backslash left"),
        pytest.param(["for=_secret"], None, id="hidden"),
        pytest.param(["for=unknown"], None, id="unknown"),
        pytest.param([f"for={VISITOR}, for=unknown"], None, id="stops at unknown"),
        pytest.param(["proto=https"], None, id="no for"),
        pytest.param([f"for={VISITOR};for={LIAR}"], None, id="for twice"),
        pytest.param([f"for={VISITOR};?"], None, id="malformed after"),
        pytest.param([f"for= {VISITOR}"], None, id="space in a pair"),
        pytest.param([VISITOR], None, id="the other header's syntax"),
        pytest.param(["for="], None, id="empty value"),
        pytest.param(['for=""'], None, id="empty quoted"),
        pytest.param(["for=192.168.1.4"], None, id="private"),
        pytest.param([], None, id="header missing"),
        pytest.param([f"for={VISITOR}" + ",for=10.0.0.9" * 32], None, id="33 hops"),
    ],
)
def test_forwarded_is_read_like_xff(values: list[str], expected: str | None) -> None:
    got = address("forwarded", NGINX, [(FORWARDED, value) for value in values])

    assert got == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([VISITOR], VISITOR, id="v4"),
        pytest.param([f" {VISITOR_6} "], VISITOR_6, id="v6"),
        pytest.param([f"{VISITOR}:443"], VISITOR, id="port"),
        pytest.param([EDGE], EDGE, id="even a trusted network's"),
        pytest.param([], None, id="missing"),
        pytest.param([""], None, id="empty"),
        pytest.param([VISITOR, VISITOR], None, id="two copies"),
        pytest.param([LIAR, VISITOR], None, id="two that differ"),
        pytest.param([f"{LIAR}, {VISITOR}"], None, id="a list"),
        pytest.param(["unknown"], None, id="unknown"),
        pytest.param(["10.0.0.9"], None, id="private"),
    ],
)
@pytest.mark.parametrize("name", ["header:CF-Connecting-IP", "header:cf-connecting-ip"])
def test_a_configured_header_counts_if_sent_once(
    name: str, values: list[str], expected: str | None
) -> None:
    got = address(name, EDGE, [(CF, value) for value in values])

    assert got == expected


@pytest.mark.parametrize(
    ("trusted", "peer", "expected"),
    [
        pytest.param("10.0.0.2", NGINX, VISITOR, id="one address"),
        pytest.param("10.0.0.3", NGINX, NGINX, id="another address"),
        pytest.param("::ffff:10.0.0.0/104", NGINX, VISITOR, id="mapped network"),
        pytest.param("2001:db8:ffff::/48", NGINX_6, VISITOR, id="v6 network"),
        pytest.param("2001:db8:fffe::/48", NGINX_6, NGINX_6, id="another v6 network"),
    ],
)
def test_only_configured_networks_are_trusted(
    trusted: str, peer: str, expected: str
) -> None:
    got = address("xff", peer, [(XFF, VISITOR)], trusted=(trusted,))

    assert got == expected
