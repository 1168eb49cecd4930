"""The public address comes from the setting or a trusted proxy, never from a client."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from config.settings import ProxySettings
from proxy.client.client import ClientSource
from proxy.protocols.protocol import PublicAddress
from proxy.routes.public_address import PublicAddresses
from proxy.transport.request import Request
from tests.proxy.transport.raw_http import ask, get
from tests.proxy.worker_process import WorkerProcess

TRUSTING = ProxySettings(trusted_proxies=("192.0.2.0/24",))
NEAR, FAR = "192.0.2.7", "198.51.100.7"
FORWARDED = {"X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https"}
SETTINGS = "/v1/projects/key/settings"


def address(
    proxy: ProxySettings, peer: str | None, headers: Mapping[str, str]
) -> PublicAddress:
    """Return the address of a request of *peer*."""
    head = CIMultiDict({"Host": "inner:8080", **headers})
    addresses = PublicAddresses(proxy, ClientSource(proxy))
    return addresses.of(Request("GET", SETTINGS, head, peer))


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        pytest.param(NEAR, {}, PublicAddress("inner:8080"), id="no headers"),
        pytest.param(
            NEAR, FORWARDED, PublicAddress("shop.example", "https"), id="both"
        ),
        pytest.param(
            NEAR,
            {"X-Forwarded-Proto": "HTTPS"},
            PublicAddress("inner:8080", "https"),
            id="only the scheme",
        ),
        pytest.param(
            NEAR,
            {"X-Forwarded-Host": "evil.example, shop.example"},
            PublicAddress("shop.example"),
            id="what the nearest proxy appended",
        ),
        pytest.param(
            NEAR,
            {"X-Forwarded-Proto": "javascript"},
            PublicAddress("inner:8080"),
            id="no scheme of the web",
        ),
        pytest.param(FAR, FORWARDED, PublicAddress("inner:8080"), id="a client"),
        pytest.param(None, FORWARDED, PublicAddress("inner:8080"), id="no peer"),
    ],
)
def test_only_a_trusted_proxy_names_the_address(
    peer: str | None, headers: dict[str, str], expected: PublicAddress
) -> None:
    assert address(TRUSTING, peer, headers) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://in.example", PublicAddress("in.example", "https", "")),
        ("http://in.example:81/a/b", PublicAddress("in.example:81", "http", "/a/b")),
    ],
)
def test_the_setting_counts_before_every_header(
    url: str, expected: PublicAddress
) -> None:
    assert address(replace(TRUSTING, public_url=url), NEAR, FORWARDED) == expected


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        pytest.param(
            {"trusted_proxies": ["127.0.0.1"]},
            ("in.example/stats/v1", "https"),
            id="a trusted proxy",
        ),
        pytest.param({}, ("inner:8080/stats/v1", "https"), id="anybody"),
        pytest.param(
            {"public_url": "http://shop.example/collect/"},
            ("shop.example/collect/v1", "http"),
            id="the setting",
        ),
    ],
)
def test_segments_settings_work_behind_a_rewritten_host(
    tmp_path: Path, proxy: dict[str, Any], expected: tuple[str, str]
) -> None:
    lines = ["X-Forwarded-Host: in.example", "X-Forwarded-Proto: https"]
    request = get(f"/stats{SETTINGS}", *lines).replace(b"shop.example", b"inner:8080")
    with WorkerProcess(tmp_path, proxy=proxy) as worker:
        got = ask(worker.port, request).json["integrations"]["Segment.io"]

    assert (got["apiHost"], got["protocol"]) == expected
