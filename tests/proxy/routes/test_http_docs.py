"""docs/http.md documents every field and drop reason; its examples are accepted."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.pipeline.drops import DropReason
from proxy.pipeline.hit import Hit, Order, OrderLine, decode_hits
from tests.proxy.pipeline.pipeline_setup import (
    SECRET,
    SECRET_KEY,
    SHOP,
    Pipeline,
    sender,
)

PAGE = (Path(__file__).parents[3] / "docs" / "http.md").read_text(encoding="utf-8")
CALL = re.compile(
    r"^curl -i \S+/v1/events((?: \\\n|.)*?) -d '(\{[^']*\})'$", re.MULTILINE
)
CALLS = [(call[1], call[2]) for call in CALL.finditer(PAGE)]
NAMED = set(re.findall(r"`(\w+)`", PAGE))


def test_every_documented_call_is_found() -> None:
    assert len(CALLS) == PAGE.count("/v1/events \\\n") == 2


@pytest.mark.parametrize(("options", "body"), CALLS, ids=["server", "browser"])
def test_every_documented_call_is_accepted(
    tmp_path: Path, options: str, body: str
) -> None:
    pipeline = Pipeline(tmp_path, replace(SHOP, secret_keys=(SECRET_KEY,))).prefetch()
    headers = {}
    if "Authorization: Bearer" in options:
        headers["Authorization"] = f"Bearer {SECRET}"
    if agent := re.search(r"-A '([^']+)'", options):
        headers["User_Agent"] = agent[1]
    [hit] = decode_hits(body.encode(), 1)
    assert isinstance(hit, Hit)

    got = pipeline.event(hit, sender(**headers))

    assert got.server == ("Authorization" in headers)
    assert (got.visitor is None) == got.server


@pytest.mark.parametrize("struct", [Hit, Order, OrderLine])
def test_every_field_is_documented(struct: type[Hit | Order | OrderLine]) -> None:
    assert set(struct.__struct_encode_fields__) - NAMED == set()


def test_every_drop_reason_is_documented() -> None:
    assert set(DropReason) - NAMED == set()
