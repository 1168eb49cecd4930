"""A client shows no value, and prepended header entries cannot forge its address."""

import copy
import dataclasses
import json
import pickle
import traceback
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from config.settings import ProxySettings
from proxy.client.addresses import Networks, parse_address
from proxy.client.client import Client, ClientSource

ADDRESS = "203.0.113.77"
USER_AGENT = "CanaryUA/77 (nobody)"
CANARIES = (ADDRESS, "CanaryUA")

NGINX = "10.0.0.2"
OURS = ("10.0.0.0/8", "2001:db8:ffff::/48")
OWN = Networks(OURS)
HEADERS = {"xff": "X-Forwarded-For", "forwarded": "Forwarded", "header:X-Ip": "X-Ip"}


def source(
    client_ip: str = "peer", *, private: bool = False, trusted: tuple[str, ...] = OURS
) -> ClientSource:
    return ClientSource(
        ProxySettings(
            client_ip=client_ip, trusted_proxies=trusted, private_clients=private
        )
    )


def headers(*lines: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(lines))


@pytest.mark.parametrize(
    "to_text",
    [
        pytest.param(repr, id="repr"),
        pytest.param(str, id="str"),
        pytest.param(lambda client: f"{client}", id="format"),
        pytest.param(lambda client: f"{[client]} {(client,)}", id="inside a list"),
    ],
)
def test_the_text_of_a_client_shows_no_value(to_text: Callable[[Client], str]) -> None:
    got = to_text(Client(ADDRESS, USER_AGENT))

    assert not [canary for canary in CANARIES if canary in got]


@dataclasses.dataclass
class _Holder:
    client: Client


@pytest.mark.parametrize(
    "copy_out",
    [
        pytest.param(pickle.dumps, id="pickle"),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(json.dumps, id="json"),
        pytest.param(msgspec.json.encode, id="msgspec"),
        pytest.param(msgspec.to_builtins, id="to_builtins"),
        pytest.param(vars, id="vars"),
        pytest.param(dataclasses.asdict, id="asdict"),
        pytest.param(lambda client: dataclasses.asdict(_Holder(client)), id="nested"),
        pytest.param(lambda client: setattr(client, "address", "x"), id="set"),
        pytest.param(lambda client: delattr(client, "address"), id="delete"),
    ],
)
def test_a_client_cannot_be_serialized_or_changed(
    copy_out: Callable[[Client], object],
) -> None:
    client = Client(ADDRESS, USER_AGENT)

    with pytest.raises((TypeError, AttributeError)) as caught:
        copy_out(client)

    traceback_text = "".join(
        traceback.TracebackException.from_exception(
            caught.value, capture_locals=True
        ).format()
    )
    assert not [canary for canary in CANARIES if canary in str(caught.value)]
    assert "Client(…)" in traceback_text
    assert client.address == ADDRESS
    assert client.user_agent == USER_AGENT


def test_only_untrusted_headers_are_counted() -> None:
    client_source = source("xff")
    forged = headers(("X-Forwarded-For", ADDRESS))
    for peer in ("192.0.2.1", "192.0.2.2", NGINX, None):
        client_source.address(peer, forged)
    client_source.address("192.0.2.3", headers())

    assert client_source.untrusted_headers == 3


def test_headers_of_other_sources_are_neither_read_nor_counted() -> None:
    client_source = source("header:X-Ip")
    got = client_source.address(NGINX, headers(("X-Forwarded-For", ADDRESS)))

    assert got is None
    assert client_source.untrusted_headers == 0


@pytest.mark.parametrize(
    ("client_ip", "value"),
    [
        ("xff", "192.168.1.4"),
        ("forwarded", "for=192.168.1.4"),
        ("header:X-Ip", "192.168.1.4"),
    ],
)
def test_private_clients_allows_private_addresses(client_ip: str, value: str) -> None:
    lines = headers((HEADERS[client_ip], value))
    got = [
        source(client_ip, private=private).address(NGINX, lines)
        for private in (True, False)
    ]

    assert got == ["192.168.1.4", None]


def test_the_cache_is_bounded_and_can_be_cleared() -> None:
    client_source = source()
    for number in range(5_000):
        client_source.address(f"198.51.{number % 250}.{number // 250}", headers())
    full = client_source.cached
    client_source.forget()

    assert 0 < full < 5_000
    assert client_source.cached == 0


@given(st.text(max_size=120), st.sampled_from(sorted(HEADERS)))
def test_any_header_gives_an_address_or_none(value: str, client_ip: str) -> None:
    got = source(client_ip).address(NGINX, headers((HEADERS[client_ip], value)))

    assert got is None or str(parse_address(got)) == got


MARKS = st.text(alphabet='0123456789abcdefABCDEF.:[]%,;="\\ \tfor_-', max_size=80)


@given(MARKS, st.sampled_from(sorted(HEADERS)))
def test_almost_valid_headers_give_an_address_or_none(
    value: str, client_ip: str
) -> None:
    got = source(client_ip).address(NGINX, headers((HEADERS[client_ip], value)))

    assert got is None or str(parse_address(got)) == got


STRANGERS = (
    st.ip_addresses()
    .map(str)
    .filter(lambda text: (found := parse_address(text)) and found not in OWN)
)
PROXIES = st.ip_addresses(v=4, network="10.0.0.0/8").map(str)


@given(
    prepended=st.lists(st.text(max_size=40), max_size=40),
    visitor=STRANGERS,
    proxies=st.lists(PROXIES, max_size=20),
)
def test_entries_prepended_to_xff_do_not_change_the_client(
    prepended: list[str], visitor: str, proxies: list[str]
) -> None:
    true = ", ".join([visitor, *proxies])
    alone = headers(("X-Forwarded-For", true))
    forged = headers(("X-Forwarded-For", ",".join([*prepended, true])))
    lines = headers(*(("X-Forwarded-For", line) for line in [*prepended, true]))
    client_source = source("xff", trusted=OURS)
    got = client_source.address(NGINX, alone)

    assert client_source.address(NGINX, forged) == got
    assert client_source.address(NGINX, lines) == got


@given(
    prepended=st.lists(st.text(max_size=40) | MARKS, max_size=40),
    visitor=STRANGERS,
    proxies=st.lists(PROXIES, max_size=20),
)
def test_entries_prepended_to_forwarded_do_not_change_the_client(
    prepended: list[str], visitor: str, proxies: list[str]
) -> None:
    true = ", ".join([f'for="{_bracketed(visitor)}"', *map("for={}".format, proxies)])
    alone = headers(("Forwarded", true))
    forged = headers(("Forwarded", ", ".join([*prepended, true])))
    client_source = source("forwarded")
    got = client_source.address(NGINX, alone)

    assert client_source.address(NGINX, forged) == got


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
