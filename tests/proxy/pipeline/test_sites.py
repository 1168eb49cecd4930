"""A hit counts for the site it names, and only from the pages of that site."""

import base64
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import (
    PrivacySettings,
    Settings,
    SiteSettings,
    SpoolSettings,
)
from proxy.pipeline.drops import DropReason
from proxy.pipeline.sites import Site, Sites, build_sites, prepare_site

UNKNOWN = DropReason.UNKNOWN_SITE
FOREIGN = DropReason.FOREIGN_ORIGIN

SECRET = "sk_live_0123456789abcdef"  # noqa: S105 - made up here
KEY = bytes(range(32))

SETTINGS = (
    SiteSettings(
        id="shop",
        domains=("shop.example", "*.shop.example", "localhost"),
        keys=("pk_shop", "pk_old"),
        secret_keys=tuple(
            f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
            for key in ("another", SECRET)
        ),
        timezone="Europe/Berlin",
        currency="CHF",
        actors="keyed",
        props_allow=("plan",),
        path_rules=("/reset/:token",),
    ),
    SiteSettings(id="blog", domains=("blog.shop.example", "127.0.0.1")),
    SiteSettings(id="wild", domains=("*.example.org", "*.deep.example.org")),
    SiteSettings(id="deep", domains=("*.a.deep.example.org",), keys=("pk_deep",)),
)


def build() -> Sites:
    return Sites(
        prepare_site(settings, PrivacySettings(), KEY) for settings in SETTINGS
    )


@pytest.fixture(scope="module")
def sites() -> Sites:
    """Return four sites."""
    return build()


def name(result: Site | DropReason) -> str:
    return result.id if isinstance(result, Site) else result


@pytest.mark.parametrize(
    ("site_id", "key", "expected"),
    [
        pytest.param("shop", None, "shop", id="id"),
        pytest.param(None, "pk_shop", "shop", id="key"),
        pytest.param(None, "pk_old", "shop", id="its other key"),
        pytest.param("blog", "pk_shop", "blog", id="the id outranks the key"),
        pytest.param("nobody", "pk_shop", UNKNOWN, id="unknown id"),
        pytest.param(None, "pk_nobody", UNKNOWN, id="unknown key"),
        pytest.param("", None, UNKNOWN, id="empty id"),
        pytest.param(None, "", UNKNOWN, id="empty key"),
        pytest.param("SHOP", None, UNKNOWN, id="ids are exact"),
        pytest.param(None, "PK_SHOP", UNKNOWN, id="keys are exact"),
        pytest.param("pk_shop", None, UNKNOWN, id="a key is no id"),
        pytest.param(None, "shop", UNKNOWN, id="an id is no key"),
        pytest.param("shop.example", None, UNKNOWN, id="a host is no id"),
    ],
)
def test_a_site_is_found_by_its_exact_key(
    sites: Sites, site_id: str | None, key: str | None, expected: str
) -> None:
    got = sites.find(site_id, key, None, "elsewhere.example")

    assert name(got) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("shop.example", "shop", id="a domain"),
        pytest.param("SHOP.Example", "shop", id="in capitals"),
        pytest.param("www.shop.example", "shop", id="www"),
        pytest.param("a.b.shop.example", "shop", id="subdomain"),
        pytest.param("blog.shop.example", "blog", id="subdomain of its own"),
        pytest.param("x.a.deep.example.org", "deep", id="longest wildcard"),
        pytest.param("127.0.0.1", "blog", id="address, if listed"),
        pytest.param("*.shop.example", UNKNOWN, id="wildcard"),
        pytest.param("notshop.example", UNKNOWN, id="longer name"),
        pytest.param("example", UNKNOWN, id="parent"),
        pytest.param("shop.example:8443", UNKNOWN, id="port"),
        pytest.param("x@shop.example", UNKNOWN, id="with a name"),
        pytest.param("https://shop.example", UNKNOWN, id="as an origin"),
        pytest.param("shop.example/p", UNKNOWN, id="path"),
        pytest.param("shop.example.", UNKNOWN, id="final dot"),
        pytest.param(" shop.example", UNKNOWN, id="blank"),
        pytest.param("shop..example", UNKNOWN, id="empty label"),
        pytest.param("a." * 100_000 + "shop.example", UNKNOWN, id="too long"),
    ],
)
def test_a_site_is_found_by_its_host(sites: Sites, key: str, expected: str) -> None:
    assert name(sites.find(None, key, None, "elsewhere.example")) == expected


def test_a_key_outranks_an_equal_host() -> None:
    first = SiteSettings(id="first", domains=("shop.example",))
    second = SiteSettings(id="second", domains=("b.example",), keys=("shop.example",))
    sites = Sites(
        prepare_site(settings, PrivacySettings(), KEY) for settings in (first, second)
    )

    assert name(sites.find(None, "shop.example", None, None)) == "second"


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param(None, "shop", id="none: a server, or the same host"),
        pytest.param("", "shop", id="empty"),
        pytest.param("https://shop.example", "shop", id="own host"),
        pytest.param("http://shop.example", "shop", id="without TLS"),
        pytest.param("https://shop.example:8443", "shop", id="port"),
        pytest.param("https://SHOP.Example", "shop", id="upper case"),
        pytest.param("https://shop.example.", "shop", id="final dot"),
        pytest.param("https://www.shop.example", "shop", id="www"),
        pytest.param("https://a.b.shop.example", "shop", id="subdomain"),
        pytest.param("https://blog.shop.example", "shop", id="subdomain of another"),
        pytest.param("http://localhost:3000", "shop", id="localhost if listed"),
        pytest.param("http://127.0.0.1:3000", FOREIGN, id="loopback if not"),
        pytest.param("null", FOREIGN, id="opaque"),
        pytest.param("https://evil.example", FOREIGN, id="foreign"),
        pytest.param("https://example", FOREIGN, id="parent"),
        pytest.param("https://notshop.example", FOREIGN, id="longer name"),
        pytest.param("https://shop.example.evil.example", FOREIGN, id="prefix"),
        pytest.param("https://shop.example@evil.example", FOREIGN, id="as a user"),
        pytest.param("https://evil.example@shop.example", FOREIGN, id="with a user"),
        pytest.param("https://shop.example:80@evil.example", FOREIGN, id="as a login"),
        pytest.param("https://evil.example/shop.example", FOREIGN, id="as a path"),
        pytest.param("https://evil.example#shop.example", FOREIGN, id="as a fragment"),
        pytest.param("https://shop.example https://evil.example", FOREIGN, id="two"),
        pytest.param("shop.example", FOREIGN, id="no scheme"),
        pytest.param("https://", FOREIGN, id="no host"),
        pytest.param("https://[::1]:3000", FOREIGN, id="v6"),
        pytest.param("chrome-extension://abcdefgh", FOREIGN, id="extension"),
        pytest.param("file://", FOREIGN, id="file"),
        pytest.param("https://shop.example:" + "8" * 400, FOREIGN, id="endless port"),
        pytest.param("https://" + "a." * 200 + "shop.example", FOREIGN, id="too long"),
    ],
)
@pytest.mark.parametrize("by", ["id", "key", "host"])
def test_only_pages_of_the_site_count_for_it(
    sites: Sites, by: str, origin: str | None, expected: str
) -> None:
    got = sites.find(
        "shop" if by == "id" else None,
        "pk_shop" if by == "key" else None,
        origin,
        "shop.example",
    )
    # Without a key, the site of the page counts.
    others = {
        "https://blog.shop.example": "blog",
        "http://127.0.0.1:3000": "blog",
    }
    unnamed = others.get(origin or "", expected)

    assert name(got) == (unnamed if by == "host" else expected)


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        pytest.param(None, "shop.example", "shop", id="host"),
        pytest.param(None, "shop.example:8080", "shop", id="port"),
        pytest.param(None, "Shop.EXAMPLE", "shop", id="upper case"),
        pytest.param(None, "shop.example.", "shop", id="final dot"),
        pytest.param(None, "www.shop.example", "shop", id="www"),
        pytest.param(None, "stats.shop.example", "shop", id="wildcard"),
        pytest.param(None, "blog.shop.example", "blog", id="a full name comes first"),
        pytest.param(None, "www.blog.shop.example", "blog", id="also with www"),
        pytest.param(None, "x.example.org", "wild", id="any depth: one"),
        pytest.param(None, "z.y.x.example.org", "wild", id="any depth: three"),
        pytest.param(None, "x.a.deep.example.org", "deep", id="longest wildcard"),
        pytest.param(None, "a.deep.example.org", "wild", id="not its own apex"),
        pytest.param(None, "example.org", UNKNOWN, id="no apex"),
        pytest.param(None, "127.0.0.1:8080", "blog", id="address"),
        pytest.param(None, "[::1]:8080", UNKNOWN, id="v6"),
        pytest.param(None, "other.example", UNKNOWN, id="unknown"),
        pytest.param(None, "", UNKNOWN, id="empty"),
        pytest.param(None, None, UNKNOWN, id="missing"),
        pytest.param(None, "a" * 5_000, UNKNOWN, id="too long"),
        pytest.param("https://shop.example", "stats.cloud.example", "shop", id="page"),
        pytest.param("https://x.example.org", "shop.example", "wild", id="page first"),
        pytest.param("https://evil.example", "shop.example", FOREIGN, id="foreign"),
        pytest.param("null", "shop.example", FOREIGN, id="opaque"),
        pytest.param(
            "https://evil.example", "evil.example", UNKNOWN, id="both unknown"
        ),
        pytest.param("null", "evil.example", UNKNOWN, id="opaque and unknown"),
    ],
)
def test_without_a_key_the_site_is_found_by_page_then_host(
    sites: Sites, origin: str | None, host: str | None, expected: str
) -> None:
    got = sites.find(None, None, origin, host)

    assert name(got) == expected


@pytest.mark.parametrize(
    ("origin", "known"),
    [
        ("https://shop.example", True),
        ("https://SHOP.example:8443", True),
        ("https://x.example.org", True),
        ("https://evil.example", False),
        ("https://evil@shop.example", False),
        ("null", False),
        ("", False),
        (None, False),
    ],
)
def test_an_origin_of_any_site_is_known(
    sites: Sites, origin: str | None, *, known: bool
) -> None:
    got = sites.known_origin(origin)

    assert got == (origin if known else None)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        pytest.param(SECRET, True, id="bare"),
        pytest.param("another", True, id="the other key"),
        pytest.param(f"  {SECRET} ", True, id="blanks"),
        pytest.param(f"Bearer {SECRET}", True, id="bearer"),
        pytest.param(f"bearer  {SECRET}", True, id="bearer, lower case"),
        pytest.param(basic(f"{SECRET}:"), True, id="basic, as vendors' clients do"),
        pytest.param(basic(SECRET), True, id="basic without a colon"),
        pytest.param(basic(f"user:{SECRET}"), False, id="as a password"),
        pytest.param("Basic not base64!", False, id="basic, broken"),
        pytest.param(f"Token {SECRET}", False, id="another scheme"),
        pytest.param(SECRET[:-1], False, id="cut"),
        pytest.param(SECRET + "x", False, id="longer"),
        pytest.param(SECRET.upper(), False, id="upper case"),
        pytest.param(hashlib.sha256(SECRET.encode()).hexdigest(), False, id="digest"),
        pytest.param("pk_shop", False, id="public key"),
        pytest.param("x" * 100_000, False, id="endless"),
        pytest.param("\udcff", False, id="undecodable"),
        pytest.param("Basic \udcff", False, id="basic, undecodable"),
        pytest.param("Bearer", False, id="scheme alone"),
        pytest.param("", False, id="empty"),
        pytest.param(None, False, id="missing"),
    ],
)
def test_only_the_secret_key_identifies_a_server(
    sites: Sites, credential: str | None, *, expected: bool
) -> None:
    shop = sites.find("shop", None, None, None)
    blog = sites.find("blog", None, None, None)

    assert isinstance(shop, Site)
    assert isinstance(blog, Site)
    assert shop.is_server(credential) == expected
    assert not blog.is_server(credential)


@given(origin=st.text(max_size=60) | st.text(max_size=20).map("https://{}".format))
def test_any_origin_is_accepted_without_an_error(sites: Sites, origin: str) -> None:
    got = sites.find("shop", None, origin, origin)

    assert name(got) in {"shop", FOREIGN}


def test_a_site_is_built_from_its_settings(sites: Sites) -> None:
    shop = sites.find("shop", None, None, None)

    assert isinstance(shop, Site)
    assert shop.zone.key == "Europe/Berlin"
    assert (shop.currency, shop.actors) == ("CHF", "keyed")
    assert shop.props_allow == frozenset({"plan"})
    assert shop.path_rules == ("/reset/:token",)
    assert shop.key == KEY
    assert [site.id for site in sites] == ["shop", "blog", "wild", "deep"]


def test_every_site_has_a_persistent_key(tmp_path: Path) -> None:
    settings = Settings(
        privacy=PrivacySettings(key_dir=str(tmp_path / "keys")),
        spool=SpoolSettings(dir=str(tmp_path / "spool")),
        sites=SETTINGS,
    )
    first = [site.key for site in build_sites(settings, os.urandom)]
    again = [site.key for site in build_sites(settings, os.urandom)]

    assert len(set(first)) == len(SETTINGS)
    assert again == first


def test_a_site_shows_no_secret(sites: Sites) -> None:
    text = f"{list(sites)!r} {sites!r}"
    secrets = [KEY, *(bytes.fromhex(key[7:]) for key in SETTINGS[0].secret_keys)]

    assert not [secret for secret in secrets if repr(secret) in text]
    assert not [secret for secret in secrets if secret.hex() in text]


def test_clearing_the_cache_changes_no_result() -> None:
    sites = build()
    query = (None, None, "https://x.example.org", "shop.example")
    before = name(sites.find(*query))
    sites.forget()

    assert name(sites.find(*query)) == before == "wild"


def test_a_former_id_names_the_site_and_its_salts() -> None:
    renamed = SiteSettings(id="c", formerly=("a", "b"), domains=("c.example",))
    sites = Sites([prepare_site(renamed, PrivacySettings(), KEY)])

    found = [sites.find(name, None, None, None) for name in ("a", "b", "c")]

    assert [site.id for site in sites] == ["c"]
    assert found == [*sites] * 3
    assert [site.salt_name for site in sites] == ["a"]
