"""The sample shop is complete: every linked file exists, and nothing else is served."""

import re

import pytest

from proxy.demo.site import demo_page, demo_routes, load_demo

_DEMO = load_demo()
_LINK = re.compile(r'(?:href|src|action)="([^"]+)"')


def test_the_front_page_has_an_empty_name() -> None:
    assert demo_page(_DEMO, "") == demo_page(_DEMO, "index.html")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("cart.html", "text/html; charset=utf-8", id="a page"),
        pytest.param("shop.js", "text/javascript; charset=utf-8", id="a script"),
        pytest.param("kettle.svg", "image/svg+xml", id="a picture"),
        pytest.param("guide-fire.html", "text/html; charset=utf-8", id="a chapter"),
        pytest.param("../tag.js", None, id="a file outside"),
        pytest.param("none.html", None, id="no such file"),
    ],
)
def test_a_demo_page_is_found_by_name(name: str, expected: str | None) -> None:
    page = demo_page(_DEMO, name)

    assert (page and page.content_type) == expected


def test_the_demo_shop_is_read_only_under_any_prefix() -> None:
    routes = demo_routes()

    for path in ("/demo/", "/demo/cart.html", "/stats/demo/cart.html"):
        assert list(routes.methods(path) or ()) == ["GET"]
    assert routes.methods("/demo") is None
    assert routes.methods("/v1/events") is None


@pytest.mark.parametrize("name", sorted(n for n in _DEMO if n.endswith(".html")))
def test_every_link_of_a_demo_page_exists(name: str) -> None:
    links = _LINK.findall(_DEMO[name].body.decode())

    missing = [link for link in links if not _leads_somewhere(link)]
    assert missing == []


def test_only_the_outbound_link_leaves_the_demo_shop() -> None:
    whole = b"".join(_DEMO[name].body for name in sorted(_DEMO)).decode()

    assert set(re.findall(r"https?://[\w.]+", whole)) == {
        "https://www.openstreetmap.org",
        "http://www.w3.org",  # the name of the SVG format, never fetched
    }


def _leads_somewhere(link: str) -> bool:
    if link in ("../m.js", "data:,", "https://www.openstreetmap.org/"):
        return True
    return demo_page(_DEMO, link.removeprefix("./")) is not None
