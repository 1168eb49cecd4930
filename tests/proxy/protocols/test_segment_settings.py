"""The settings of Segment name the host and prefix of the request."""

import json

import pytest

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols import segment
from proxy.protocols.protocol import PublicAddress, Reply
from tests.proxy.protocols.test_segment import ask


def settings(
    address: str | PublicAddress,
    prefix: str = "",
    key: str = "wire-key-1",
    **headers: str,
) -> Reply:
    """Return the settings reply of the collector at *address* and *prefix*."""
    if isinstance(address, str):
        address = PublicAddress(address)
    path = f"{prefix}/v1/projects/{key}/settings"
    got = ask(segment.PROTOCOL, path, method="GET", address=address, **headers)
    assert isinstance(got, Reply)
    return got


@pytest.mark.parametrize(
    ("host", "prefix", "api_host", "scheme"),
    [
        ("shop.example", "", "shop.example/v1", "https"),
        ("shop.example", "/collect", "shop.example/collect/v1", "https"),
        ("Shop.Example:8443", "/a/b-c", "Shop.Example:8443/a/b-c/v1", "https"),
        ("192.0.2.1:8080", "", "192.0.2.1:8080/v1", "https"),
        ("localhost:8080", "", "localhost:8080/v1", "http"),
        ("shop.localhost", "", "shop.localhost/v1", "http"),
        ("127.0.0.1", "/x", "127.0.0.1/x/v1", "http"),
        ("[::1]:8080", "", "[::1]:8080/v1", "http"),
        ("localhost.shop.example", "", "localhost.shop.example/v1", "https"),
    ],
)
def test_the_settings_name_the_requested_host_and_prefix(
    host: str, prefix: str, api_host: str, scheme: str
) -> None:
    reply = settings(host, prefix)

    assert reply.status == 200
    where = {"apiKey": "wire-key-1", "apiHost": api_host, "protocol": scheme}
    assert json.loads(reply.body) == {
        "integrations": {"Segment.io": where},
        "metrics": {"sampleRate": 0},
    }


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        pytest.param({"Referer": "http://shop.example/a"}, "http", id="a plain page"),
        pytest.param({"Origin": "http://shop.example"}, "http", id="its origin"),
        pytest.param({"Referer": "https://shop.example/a"}, "https", id="TLS"),
        pytest.param({"Referer": "http://www.shop.example/"}, "https", id="elsewhere"),
        pytest.param({"Origin": "http://shop.example.net"}, "https", id="almost it"),
        pytest.param({"Origin": "null"}, "https", id="no page"),
    ],
)
def test_the_referer_of_the_same_host_decides_the_scheme(
    headers: dict[str, str], scheme: str
) -> None:
    reply = settings("shop.example", "/collect", **headers)

    assert json.loads(reply.body)["integrations"]["Segment.io"]["protocol"] == scheme


@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        pytest.param(
            PublicAddress("in.example", "https", ""),
            {"Referer": "http://in.example/"},
            ("in.example/v1", "https"),
            id="the setting",
        ),
        pytest.param(
            PublicAddress("in.example", "http", "/stats"),
            {},
            ("in.example/stats/v1", "http"),
            id="the setting with a path",
        ),
        pytest.param(
            PublicAddress("in.example", "http"),
            {},
            ("in.example/collect/v1", "http"),
            id="a web server without TLS",
        ),
        pytest.param(
            PublicAddress("in.example", "http"),
            {"Referer": "https://in.example/a"},
            ("in.example/collect/v1", "https"),
            id="a web server without TLS behind a CDN",
        ),
        pytest.param(
            PublicAddress("localhost", "https"),
            {},
            ("localhost/collect/v1", "https"),
            id="a web server with TLS",
        ),
    ],
)
def test_the_settings_name_the_public_address(
    address: PublicAddress, headers: dict[str, str], expected: tuple[str, str]
) -> None:
    reply = settings(address, "/collect", **headers)

    got = json.loads(reply.body)["integrations"]["Segment.io"]
    assert (got["apiHost"], got["protocol"]) == expected


def test_the_settings_are_cached_briefly_and_privately() -> None:
    assert settings("shop.example").headers == {"Cache-Control": "private, max-age=300"}


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("", ""),
        ("shop.example/evil", ""),
        ("shop.example, evil.example", ""),
        ("user@evil.example", ""),
        ('shop"example', ""),
        ("shop.example:port", ""),
        ("shöp.example", ""),
        ("x" * 256, ""),
        ("shop.example", "//evil.example"),
        ("shop.example", "/%22"),
        ("shop.example", '/"'),
        ("shop.example", "x"),
    ],
)
def test_an_invalid_host_or_prefix_is_not_repeated(host: str, prefix: str) -> None:
    with pytest.raises(MalformedBodyError, match="cannot be used"):
        settings(host, prefix)


@pytest.mark.parametrize("key", ["a%22b", '"', "k" * 129, "ключ", "a<b"])
def test_an_invalid_key_is_not_repeated(key: str) -> None:
    with pytest.raises(MalformedBodyError, match="cannot be used"):
        settings("shop.example", key=key)


def test_a_request_for_the_snippet_script_gets_a_hint() -> None:
    path = "/analytics.js/v1/wire-key-1/analytics.min.js"
    got = ask(segment.PROTOCOL, path, method="GET")

    assert isinstance(got, Reply)
    assert got.status == 404
    assert "docs/migrate-segment.md" in json.loads(got.body)["error"]
