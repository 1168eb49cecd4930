"""Events from the site's own server and from the server libraries of vendors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.pipeline.hit import Visitor
from tests.proxy.pipeline.pipeline_setup import (
    ADDRESS,
    COUNTRY,
    SECRET,
    SECRET_KEY,
    SHOP,
    USER_AGENT,
    Pipeline,
    pageview,
    sender,
    vendor_hit,
)

KEYED = replace(SHOP, keys=("pk-1",), secret_keys=(SECRET_KEY,))


def test_a_site_server_may_send_for_a_visitor(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, site=KEYED).prefetch()
    spoken = Visitor(address=ADDRESS, user_agent=USER_AGENT)

    own = pipeline.event(pageview())
    got = pipeline.event(
        pageview(name="order_placed", site=None, key=SECRET, visitor=spoken),
        sender("198.51.100.7", User_Agent="shop-backend/1.0"),
    )

    assert (got.server, got.visitor, got.country) == (True, own.visitor, COUNTRY)
    assert got.browser == own.browser


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"key": SECRET, "visitor": None}, id="no client named"),
        pytest.param({"key": SECRET, "visitor": Visitor("nowhere")}, id="no address"),
        pytest.param(
            {"key": SECRET, "visitor": Visitor(user_agent="x")}, id="no place"
        ),
        pytest.param({"key": "pk-1", "library": True}, id="a library"),
        pytest.param(
            {"key": "pk-1", "library": True, "visitor": Visitor(ADDRESS, USER_AGENT)},
            id="a library may not send for others",
        ),
    ],
)
def test_a_server_event_without_a_named_client_has_no_visitor(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    pipeline = Pipeline(tmp_path, site=KEYED).prefetch()
    agent = {"User_Agent": "python-requests/2.31"}

    got = pipeline.event(
        vendor_hit(name="order_placed", site=None, **changes), sender(**agent)
    )

    assert (got.visitor, got.country, got.browser) == (None, None, None)
    assert got.server == (changes["key"] == SECRET)


def test_a_named_client_without_a_secret_key_is_ignored(
    tmp_path: Path,
) -> None:
    pipeline = Pipeline(tmp_path, site=KEYED).prefetch()
    spoken = Visitor(address="203.0.113.200", user_agent="another")

    assert pipeline.event(pageview(visitor=spoken)) == pipeline.event(pageview())


def test_nobody_can_send_a_message_of_the_server_before_it(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, site=KEYED).prefetch()
    message: dict[str, Any] = {"name": "boo", "id": "order-1001-placed"}

    stranger = pipeline.event(pageview(**message))
    server = pipeline.event(pageview(**message, site=None, key=SECRET))
    again = pipeline.event(pageview(**message, site=None, key=SECRET))

    assert (stranger.server, server.server) == (False, True)
    assert stranger.event_id != server.event_id == again.event_id
