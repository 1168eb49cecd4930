"""Files and the requests of programs are not pages, whatever the site's prefix is."""

import pytest

from proxy.history.page_paths import is_asset, is_program_call
from proxy.protocols.native import PIXEL_PATH, VISIT_TOKEN_PATH
from proxy.protocols.registry import PROTOCOLS
from proxy.routes.opt_out_page import PATH as OPT_OUT_PATH

CALLS = {
    "own": [
        "/v1/visit",
        "/stats/v1/events",
        "/stats/optout",
        "/stats/optout?choice=in",
    ],
    "trackers": [
        "/api/event",
        "/g/collect?v=2&tid=G-1",
        "/collect?v=1&tid=UA-1",
        "/matomo/matomo.php?idsite=1",
        "/stats/track?data=e30&ip=1",
        "/array/phc_1/config",
    ],
    "feeds": [
        "/feed",
        "/feed/",
        "/blog/feed/atom/",
        "/comments/feed",
        "/rss",
        "/rss/",
        "/?feed=rss2",
        "/blog/tags/a?flav=rss20",
        "/a?x=1&format=feed",
        "/feeds/posts/default",
    ],
    "images": [
        "/_next/image?url=%2Fa.png&w=640&q=75",
        "/shop/_next/data/b/a",
        "/cdn-cgi/image/width=80/a",
        "/cdn-cgi/trace",
        "/_vercel/image?url=a",
        "/_ipx/w_200/a",
    ],
    "admin": [
        "/wp-admin/admin-ajax.php?action=heartbeat",
        "/blog/wp-cron.php?doing_wp_cron=1",
        "/wp-json/wp/v2/posts",
        "/?wc-ajax=get_refreshed_fragments",
        "/index.php?rest_route=/wp/v2",
        "/.well-known/acme-challenge/x",
    ],
    "health": ["/healthz", "/readyz", "/app/livez", "/server-status?auto", "/ping"],
}
PAGES = [
    "/",
    "/?utm_source=feed",
    "/health",
    "/health/news",
    "/feedback",
    "/feed-your-dog",
    "/rss-reader",
    "/optouts",
    "/track",
    "/track?order=7",
    "/collect",
    "/collections/all",
    "/events",
    "/events/v1",
    "/shopping",
    "/a?data=1",
    "/a?next=/wp-json",
    "/a?x=1#?feed=",
    "/wp-admin/",
    "/image?w=640",
]


# What a client of the protocol sends with a GET, beside its path.
QUERY = "?data=e30&token=t&v=2"
VENDOR_PATHS = {
    route.path.replace("*", "key")
    for protocol in PROTOCOLS
    for route in protocol.routes
    if "GET" in route.methods
}
OWN_PATHS = [
    *("/m.js", PIXEL_PATH, VISIT_TOKEN_PATH, OPT_OUT_PATH, "/healthz", "/readyz"),
    *sorted(VENDOR_PATHS),
]


@pytest.mark.parametrize("path", OWN_PATHS)
@pytest.mark.parametrize("prefix", ["", "/stats"])
def test_no_address_of_millpond_itself_is_a_page(prefix: str, path: str) -> None:
    target = prefix + path + QUERY

    assert is_asset(target) or is_program_call(target)


@pytest.mark.parametrize("target", [call for group in CALLS.values() for call in group])
def test_the_request_of_a_program_is_recognised(target: str) -> None:
    assert is_program_call(target)


@pytest.mark.parametrize("target", PAGES)
def test_a_page_is_neither_a_file_nor_a_call(target: str) -> None:
    assert (is_asset(target), is_program_call(target)) == (False, False)
