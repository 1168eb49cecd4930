"""Hash routes, and campaigns in fragments, are read with every client."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import SiteSettings
from tests.proxy.pipeline.pipeline_setup import Pipeline
from tests.proxy.protocols.page_views import KEY, PAGE_VIEWS, UMAMI_KEY, PageView

SHOP = SiteSettings(
    id="shop",
    domains=("shop.example",),
    keys=(KEY, UMAMI_KEY),
    hash_routes=True,
    trailing_slash="remove",
)
VIEWS = pytest.mark.parametrize("view", PAGE_VIEWS.values(), ids=PAGE_VIEWS.keys())


@VIEWS
def test_a_route_is_the_path_and_its_query_names_the_campaign(
    tmp_path: Path, view: PageView
) -> None:
    hit = view("https://shop.example/#/shoes/?utm_source=june&utm_medium=email", "")

    got = Pipeline(tmp_path, SHOP).prefetch().event(hit)

    assert (got.path, got.source, got.channel) == ("/shoes", "june", "email")


@VIEWS
@pytest.mark.parametrize(
    "end",
    ["#utm_source=june&utm_medium=email", "?a=1&amp;utm_source=june&utm_medium=email"],
)
def test_a_campaign_is_read_from_a_fragment_and_behind_html_marks(
    tmp_path: Path, view: PageView, end: str
) -> None:
    plain = replace(SHOP, hash_routes=False)

    got = (
        Pipeline(tmp_path, plain)
        .prefetch()
        .event(view(f"https://shop.example/p/{end}", ""))
    )

    assert (got.path, got.source, got.channel) == ("/p", "june", "email")
