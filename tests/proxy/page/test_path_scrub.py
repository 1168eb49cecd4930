"""Secrets and personal data are removed from paths; ordinary paths are unchanged."""

import re
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.page import PageRules, parse_page
from proxy.page.path_scrub import LONGEST_PATH, PathScrub
from tests.proxy.page.path_corpus import ordinary_paths, secret_paths

SHARED_LOG = (
    Path(__file__).parents[4] / "shared" / "data" / "logs" / "elastic_apache_10k.log"
)
SEED = 20_261_122
LEAST_RECALL = 0.999
MOST_FALSE_CUTS = 0.005

CUT = [
    ("/reset/abc", "/reset/:token"),
    ("/reset/confirm/MQ/5f3-9a8b7c6d/", "/reset/confirm/:token/:token/"),
    ("/verify-email/kx9", "/verify-email/:token"),
    ("/verifyEmail/kx9", "/verifyEmail/:token"),
    ("/verify/email/someone", "/verify/email/:token"),
    ("/invite/team/join-us", "/invite/team/:token"),
    ("/magic/abc", "/magic/:token"),
    ("/unsubscribe/jane", "/unsubscribe/:token"),
    ("/share/album", "/share/:token"),
    ("/token=abc", "/:token"),
    ("/a/550e8400-e29b-41d4-a716-446655440000", "/a/:id"),
    ("/a/550E8400E29B41D4A716446655440000", "/a/:id"),
    ("/a/5f2a9c1b3e4d5f6a", "/a/:token"),
    ("/a/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "/a/:token"),
    ("/a/sk_live_4eC39HqLyjWDarjtT1zdp7dc", "/a/:token"),
    ("/a/xJ3kP9qLmZ7vR2tY8wB4", "/a/:token"),
    ("/a/report-xJ3kP9qLmZ7vR2tY8wB4.pdf", "/a/:token"),
    ("/u/jane.doe@mail.example/edit", "/u/:email/edit"),
    ("/x/123456", "/x/:id"),
    ("/x/4915112345678", "/x/:id"),
    ("/p/4915112345678", "/p/:id"),
    ("/x/0151-555-1234", "/x/:phone"),
    ("/x/+49 151 555 12", "/x/:phone"),
    ("/x/DE89370400440532013000", "/x/:id"),
    ("/x/203.0.113.7", "/x/:address"),
    ("/x/52.52001,13.40495", "/x/:place"),
    ("/users/1234/settings", "/users/:id/settings"),
    ("/orders/7", "/orders/:id"),
    ("/order-1001", "/:token"),
    ("/checkout/orders/R-10023/thank-you", "/checkout/orders/:id/thank-you"),
    ("/x/" + "a" * 161, "/x/:long"),
    ("/x/%zz%25%34%31", "/x/:id"),
]  # fmt: skip
KEPT = [
    "/",
    "/about/",
    "/products/blue-suede-shoes-for-men-in-winter",
    "/products/blue-shirt-100234",
    "/p/42",
    "/p/123456",
    "/dp/B08N5WRWNW",
    "/watch/dQw4w9WgXcQ",
    "/questions/12345678/how-to-reset-a-password",
    "/how-to-reset-your-password/comments",
    "/blog/2024/05/31/my-post",
    "/blog/2024-05-31-my-post",
    "/archive/20240531",
    "/archive/202405",
    "/downloads/tool-1.20101030.4.tar.gz",
    "/docs/1.2.3/api/HttpServerRequest.html",
    "/docs/v2/install",
    "/reset",
    "/share/facebook",
    "/account/settings",
    "/orders/history",
    "/wiki/Cross-site_request_forgery",
    "/de/größe-xl",
    "/商品/東京",
    "/season/2019-2020",
    "/@handle",
    "/images/logo@2x.png",
]


@pytest.mark.parametrize(("path", "expected"), CUT, ids=[path for path, _ in CUT])
def test_a_secret_or_personal_segment_is_replaced_by_its_kind(
    path: str, expected: str
) -> None:
    got = PathScrub().scrub(path)

    assert got == expected


@pytest.mark.parametrize("path", KEPT)
def test_an_ordinary_path_is_unchanged(path: str) -> None:
    got = PathScrub().scrub(path)

    assert got == path


@pytest.mark.parametrize(
    ("templates", "path", "expected"),
    [
        pytest.param(["/u/:name/posts"], "/u/jane/posts", "/u/:name/posts", id="whole"),
        pytest.param(["/u/:name"], "/u/jane/posts", "/u/:name/posts", id="beginning"),
        pytest.param(["/u/:name/posts"], "/u/jane", "/u/jane", id="path too short"),
        pytest.param(["/U/:name"], "/u/jane", "/u/:name", id="capitals"),
        pytest.param(["/u/:name"], "/u/", "/u/", id="nothing there"),
        pytest.param(
            ["/a/:one", "/a/:two"], "/a/jane", "/a/:one", id="first template wins"
        ),
        pytest.param(
            ["/u/:name"], "/u/jane/reset/abc", "/u/:name/reset/:token", id="rest is cut"
        ),
        pytest.param(["/u/:name"], "/v/123456", "/v/:id", id="other path is cut"),
    ],
)
def test_a_template_replaces_the_segments_of_matching_paths(
    templates: list[str], path: str, expected: str
) -> None:
    got = PathScrub(templates).scrub(path)

    assert got == expected


def test_a_long_path_ends_with_a_whole_segment() -> None:
    got = PathScrub().scrub("/abc" * 200)

    assert got == "/abc" * 126 + "/:more"
    assert len(got) <= LONGEST_PATH


@given(path=st.text(max_size=80) | st.from_regex(r"(/[a-z0-9=.@%-]{0,20}){1,9}"))
def test_scrubbing_is_bounded_and_deterministic(path: str) -> None:
    scrub = PathScrub(["/a/:b"])

    got = scrub.scrub("/" + path)

    assert got.startswith("/")
    assert len(got) <= LONGEST_PATH
    assert scrub.scrub("/" + path) == got
    scrub.forget()
    assert scrub.scrub("/" + path) == got


def leaks(secret: str, stored: str) -> bool:
    """Return whether *stored* contains six consecutive characters of *secret*."""
    pieces = re.findall(r"[\w.@+-]{6}", unquote(unquote(secret)))
    return any(piece in stored for piece in pieces)


def leaking_paths(count: int) -> list[str]:
    rules = PageRules()
    paths = []
    for path, secret in islice(secret_paths(SEED), count):
        page = parse_page(f"https://shop.example{path}", rules)
        assert page is not None
        assert page.path is not None
        if leaks(secret, page.path):
            paths.append(path)
    return paths


def changed_paths(paths: list[str]) -> list[str]:
    rules = PageRules()
    changed = []
    for path in paths:
        page = parse_page(f"https://shop.example{path}", rules)
        assert page is not None
        if page.path != unquote(path.partition("?")[0]):
            changed.append(path)
    return changed


def test_secrets_are_removed_from_2_000_paths() -> None:
    count = 2_000

    assert len(leaking_paths(count)) <= count * (1 - LEAST_RECALL)


def test_5_000_ordinary_paths_are_unchanged() -> None:
    paths = list(islice(ordinary_paths(SEED), 5_000))

    assert len(changed_paths(paths)) <= len(paths) * MOST_FALSE_CUTS


@pytest.mark.slow
def test_secrets_are_removed_from_50_000_paths() -> None:
    count = 50_000

    assert len(leaking_paths(count)) <= count * (1 - LEAST_RECALL)


@pytest.mark.slow
def test_100_000_ordinary_paths_are_unchanged() -> None:
    paths = list(islice(ordinary_paths(SEED), 100_000))

    assert len(changed_paths(paths)) <= len(paths) * MOST_FALSE_CUTS


def test_the_paths_of_a_real_log_are_unchanged() -> None:
    if not SHARED_LOG.is_file():
        pytest.skip("the real access log is not on this machine")
    lines = SHARED_LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    requested = (line.split('"')[1].split(" ")[1].partition("?")[0] for line in lines)
    # This test leaves out paths that the page module normalizes first, and fonts
    # with random characters as names.
    tidy = re.compile(r"/|(?:/[^/;%.]+(?:\.(?!ttf)[^/;%]+)?)+/?")
    paths = [path for path in requested if tidy.fullmatch(path)]

    assert len(paths) > 9_000
    assert len(changed_paths(paths)) <= len(paths) * MOST_FALSE_CUTS
