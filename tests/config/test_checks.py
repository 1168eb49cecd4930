"""Each format accepts valid values, normalises them, and refuses all others."""

from pathlib import Path

import pytest

from config.checks import PLACES, TEXTS, RefusedError, check, masked
from config.keys import sections

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("network", "10.0.0.1", "10.0.0.1/32"),
        ("network", " 10.1.0.0/16", "10.1.0.0/16"),
        ("network", "2001:DB8::/32", "2001:db8::/32"),
        ("client_ip", "peer", "peer"),
        ("client_ip", "forwarded", "forwarded"),
        ("client_ip", "header:CF-Connecting-IP", "header:cf-connecting-ip"),
        ("path", "/m.js", "/m.js"),
        ("path", "/a/b-c_d~e", "/a/b-c_d~e"),
        ("path_prefix", "", ""),
        ("path_prefix", "/", ""),
        ("path_prefix", "/stats/", "/stats"),
        ("public_url", "", ""),
        ("public_url", "https://shop.example/stats/", "https://shop.example/stats"),
        ("public_url", "http://shop.example:8080", "http://shop.example:8080"),
        ("query_key", "q", "q"),
        ("prop_key", "plan.name", "plan.name"),
        ("path_rule", "/reset/:token", "/reset/:token"),
        ("path_rule", "/u/:name/posts/:post_id", "/u/:name/posts/:post_id"),
        ("site_id", "shop-2", "shop-2"),
        ("site_id", "a" * 64, "a" * 64),
        ("domain", "Shop.Example.", "shop.example"),
        ("domain", "*.example.org", "*.example.org"),
        ("domain", "localhost", "localhost"),
        ("domain", "127.0.0.1", "127.0.0.1"),
        ("domain", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("timezone", "UTC", "UTC"),
        ("currency", "JPY", "JPY"),
        ("key", "G-1ABC", "G-1ABC"),
        ("secret_key", f"sha256:{DIGEST.upper()}", f"sha256:{DIGEST}"),
    ],
)
def test_a_valid_value_is_normalised(
    name: str, value: str, expected: str, tmp_path: Path
) -> None:
    got = check(name, value, tmp_path)

    assert got == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "10.0.0"),
        ("network", "10.0.0.1/16"),
        ("network", ""),
        ("network", "0.0.0.0/0"),
        ("network", "::/0"),
        ("client_ip", "x-forwarded-for"),
        ("client_ip", "header:"),
        ("client_ip", "header:X Real"),
        ("path", ""),
        ("path", "m.js"),
        ("path", "/"),
        ("path", "/a//b"),
        ("path", "/../m.js"),
        ("path", "/m.js?x"),
        ("path", "/m.js\n"),
        ("path_prefix", "stats"),
        ("public_url", "shop.example"),
        ("public_url", "ftp://shop.example"),
        ("public_url", "https://user@shop.example"),
        ("public_url", "https://shop.example/?q"),
        ("public_url", "https://shop.example/a/../b"),
        ("query_key", ""),
        ("query_key", "a=b"),
        ("prop_key", "a\nb"),
        ("path_rule", "/plain"),
        ("path_rule", "reset/:token"),
        ("path_rule", "/reset/:"),
        ("path_rule", "/reset/:token?x"),
        ("path_rule", "/reset/:token\n"),
        ("site_id", ""),
        ("site_id", "Shop"),
        ("site_id", "shop\n"),
        ("site_id", "a" * 65),
        ("domain", ""),
        ("domain", "*"),
        ("domain", "a.*.example"),
        ("domain", "https://shop.example"),
        ("domain", "shop.example:443"),
        ("domain", "bücher.example"),
        ("domain", ("a" * 60 + ".") * 5),
        ("timezone", ""),
        ("timezone", "Berlin"),
        ("timezone", "Europe"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "Europe/Berlin\0"),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("key", ""),
        ("key", "a b"),
        ("key", "a" * 129),
        ("secret_key", DIGEST),
        ("secret_key", f"sha256:{DIGEST[1:]}"),
        ("directory", " "),
        ("directory", "s3://bucket/x"),
        ("directory", "~nobody-by-that-name/x"),
        ("file", "https://x.example/a.mmdb"),
        ("file", "a\0b"),
        ("warehouse", ""),
        ("salt_store", "redis://"),
        ("salt_store", "redis://host:99999"),
        ("salt_store", "http://host"),
    ],
)
def test_an_invalid_value_is_refused(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        check(name, value, tmp_path)


@pytest.mark.parametrize("name", ["directory", "file", "warehouse", "salt_store"])
def test_a_relative_path_is_relative_to_the_base(name: str, tmp_path: Path) -> None:
    got = check(name, "data/x", tmp_path)

    assert got == str(tmp_path / "data/x")


@pytest.mark.parametrize("name", ["directory", "file", "warehouse", "salt_store"])
def test_an_absolute_path_is_unchanged(name: str, tmp_path: Path) -> None:
    got = check(name, "/srv/millpond", tmp_path)

    assert got == "/srv/millpond"


@pytest.mark.parametrize("name", ["file", "salt_store"])
def test_an_empty_path_is_unchanged(name: str, tmp_path: Path) -> None:
    got = check(name, "", tmp_path)

    assert got == ""


def test_a_redis_url_is_not_read_as_a_path(tmp_path: Path) -> None:
    got = check("salt_store", "rediss://cache.example:6380/1", tmp_path)

    assert got == "rediss://cache.example:6380/1"


def test_an_object_store_is_refused_as_not_supported_yet(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="not supported yet"):
        check("warehouse", "s3://bucket/millpond", tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key", "my raw key"),
        ("key", "my raw key"),
        ("salt_store", "ftp://me:my raw key@host"),
    ],
)
def test_a_secret_is_never_quoted(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        check(name, value, tmp_path)

    assert "raw" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("secret_key", f"sha256:{DIGEST}", "sha256:***"),
        ("salt_store", "redis://:p@w@host:1/0", "redis://***@host:1/0"),
        ("salt_store", "/run/salts", "/run/salts"),
        ("domain", "a@b", "a@b"),
    ],
)
def test_a_secret_is_masked(name: str, value: str, expected: str) -> None:
    got = masked(name, value)

    assert got == expected


def test_every_format_has_a_check_and_every_check_is_used() -> None:
    used = {key.format for section in sections() for key in section.keys if key.format}

    assert used == {*TEXTS, *PLACES}
