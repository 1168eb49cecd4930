"""A visit token gives the site's own server today's visitor, and nothing else."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pipeline.hit import Hit
from proxy.pipeline.visit_token import TOKEN_LENGTH, open_visit_token, seal_visit_token
from tests.bit_flips import flips
from tests.proxy.canaries import canary_bytes_in
from tests.proxy.pipeline.pipeline_setup import (
    NOON,
    SECRET,
    SECRET_KEY,
    SHOP,
    Pipeline,
    pageview,
    sender,
    vendor_hit,
)
from tests.proxy.transport.raw_http import ask, event, get
from tests.proxy.worker_process import WorkerProcess
from warehouse.schema import Hash64

DAY = date(2026, 11, 23)
KEY = b"d" * 32
VISITOR = Hash64(-(1 << 40) + 7)
DAY_S = 86_400
KEYED = replace(SHOP, secret_keys=(SECRET_KEY,))
SERVER = {"Authorization": f"Bearer {SECRET}", "User_Agent": "shop-backend/1.0"}


def token(key: bytes = KEY, day: date = DAY) -> str:
    """Return a token for the visitor."""
    return seal_visit_token(VISITOR, day, key, os.urandom)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_token_decodes_to_its_visitor(visitor: int) -> None:
    sealed = seal_visit_token(Hash64(visitor), DAY, KEY, os.urandom)

    assert open_visit_token(sealed, DAY, KEY) == visitor
    assert len(sealed) == TOKEN_LENGTH


def test_tokens_are_unique_and_hide_the_visitor() -> None:
    tokens = {token() for _ in range(100)}

    assert len(tokens) == 100
    assert not any(str(VISITOR) in token for token in tokens)


@pytest.mark.parametrize(
    ("sealed", "day", "key"),
    [
        pytest.param(token(), DAY + timedelta(1), KEY, id="another day"),
        pytest.param(token(), DAY, b"e" * 32, id="another key"),
        pytest.param(token()[:-1], DAY, KEY, id="cut"),
        pytest.param(token() + "A", DAY, KEY, id="longer"),
        pytest.param("", DAY, KEY, id="empty"),
        pytest.param("?" * TOKEN_LENGTH, DAY, KEY, id="no base64"),
        pytest.param("\u00e9" * TOKEN_LENGTH, DAY, KEY, id="no ASCII"),
        pytest.param("A" * TOKEN_LENGTH, DAY, KEY, id="zeros"),
    ],
)
def test_an_invalid_token_gives_no_visitor(sealed: str, day: date, key: bytes) -> None:
    assert open_visit_token(sealed, day, key) is None


def test_a_bit_flip_in_a_token_never_gives_another_visitor() -> None:
    sealed = token()
    got = [
        open_visit_token(flipped.decode("latin-1"), DAY, KEY)
        for flipped in flips(sealed.encode())
    ]

    # Some bits of the last letter are padding.
    assert set(got[:-8]) == {None}
    assert set(got[-8:]) <= {None, VISITOR}


@given(st.integers(0, TOKEN_LENGTH - 2), st.sampled_from("AZaz09-_"))
def test_a_changed_token_gives_no_visitor(place: int, letter: str) -> None:
    sealed = token()
    changed = sealed[:place] + letter + sealed[place + 1 :]

    expected = VISITOR if changed == sealed else None
    assert open_visit_token(changed, DAY, KEY) == expected


def test_a_server_order_gets_the_visitor_of_its_token(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, site=KEYED).prefetch()
    sealed = pipeline.anonymizer.visit_token(Hit(), sender(), NOON)

    own = pipeline.event(pageview())
    got = pipeline.event(
        pageview(name="order_placed", url=None, visit_token=sealed), sender(**SERVER)
    )

    assert got.visitor == own.visitor
    assert (got.country, got.browser) == (None, None)


def test_a_vendor_client_sends_the_token_as_a_property(tmp_path: Path) -> None:
    site = replace(KEYED, props_allow=("millpond_visit", "plan"))
    pipeline = Pipeline(tmp_path, site=site).prefetch()
    sealed = pipeline.anonymizer.visit_token(Hit(), sender(), NOON)
    props = {"millpond_visit": sealed, "plan": "pro"}

    own = pipeline.event(pageview())
    got = pipeline.event(
        vendor_hit(name="order_placed", url=None, props=props), sender(**SERVER)
    )

    assert (got.visitor, got.props) == (own.visitor, '{"plan":"pro"}')


def test_a_page_cannot_use_the_token_of_another_visitor(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, site=KEYED).prefetch()
    sealed = pipeline.anonymizer.visit_token(Hit(), sender(), NOON)
    other = sender("203.0.113.200")

    got = pipeline.event(pageview(visit_token=sealed), other)

    assert got.visitor == pipeline.event(pageview(), other).visitor


def test_a_token_expires_with_its_day_and_salt(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, site=KEYED).prefetch()
    sealed = pipeline.anonymizer.visit_token(Hit(), sender(), NOON)
    pipeline.prefetch(NOON + DAY_S)
    order = pageview(name="order_placed", url=None, visit_token=sealed)

    got = pipeline.event(order, sender(**SERVER), NOON + DAY_S)

    assert got.visitor is None


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Cookie": "noanalytics=1"}, id="objects"),
        pytest.param({"Sec_GPC": "1"}, id="Global Privacy Control"),
        pytest.param({"User_Agent": "curl/8.5.0"}, id="a program"),
        pytest.param({"Origin": "https://evil.example"}, id="a foreign page"),
        pytest.param({"Authorization": f"Bearer {SECRET}"}, id="a server"),
    ],
)
def test_a_request_without_a_visitor_gets_no_token(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    pipeline = Pipeline(tmp_path, site=KEYED).prefetch()

    assert pipeline.anonymizer.visit_token(Hit(), sender(**headers), NOON) is None


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("visit")
    with WorkerProcess(folder, site={"secret_keys": [SECRET_KEY]}) as worker:
        yield worker


def test_a_shop_fetches_a_token_and_its_order_joins_the_visit(
    worker: WorkerProcess,
) -> None:
    own = "Origin: https://shop.example"
    token_answer = ask(worker.port, get("/stats/v1/visit", own))
    sealed = token_answer.json["visit"]
    ask(worker.port, event(own))
    order = b'{"name": "order_placed", "visit": "%s"}' % sealed.encode()
    got = ask(worker.port, event(f"Authorization: Bearer {SECRET}", body=order))

    page, placed = worker.spooled.events
    assert (token_answer.status, got.json) == (200, {"accepted": 1, "dropped": {}})
    assert token_answer.headers["cache-control"] == "no-store"
    assert token_answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert placed.visitor == page.visitor
    assert sealed.encode() not in worker.written()
    assert canary_bytes_in(worker.written()) == []
