"""Segment requests are decoded, and clients get responses that they understand."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols import segment
from proxy.protocols.native import PIXEL
from proxy.protocols.protocol import (
    DecodedRequest,
    Protocol,
    Reply,
    VendorRequest,
)

KEY = "wire-key-1"
BASIC = "Basic d2lyZS1rZXktMTo="
URL = "https://shop.example/p/42"
TRACK: Mapping[str, Any] = {"type": "track", "event": "Plan Chosen", "writeKey": KEY}
PAGE: Mapping[str, Any] = {"type": "page", "writeKey": KEY}
DROPS = DropReason


def ask(
    protocol: Protocol,
    path: str,
    value: object = None,
    *,
    method: str = "POST",
    query: str = "",
    address: Any = None,
    **headers: str,
) -> DecodedRequest | Reply:
    """Return the result of *protocol* for a request with *value* as its body."""
    body = b"" if value is None else json.dumps(value).encode()
    header_map = CIMultiDictProxy(CIMultiDict({"Host": "shop.example"} | headers))
    for route in protocol.routes:
        match = None if route.pattern is None else route.pattern.search(path)
        if method in route.methods and (path.endswith(route.path) or match):
            parameters = match.groups() if match else ()
            return route.read(
                VendorRequest(
                    method, path, query, header_map, body, parameters, address
                )
            )
    raise AssertionError("no route")


def hits(path: str, value: object, **more: Any) -> list[Hit | Dropped]:
    """Return the hits of a request."""
    decoded = ask(segment.PROTOCOL, path, value, **more)
    assert isinstance(decoded, DecodedRequest)
    return list(decoded.hits)


def hit(call: Mapping[str, Any], **around: Any) -> VendorHit:
    """Return the hit of one call in a batch with the fields *around* it."""
    (got,) = hits("/v1/batch", {"batch": [call], **around})
    assert isinstance(got, VendorHit)
    return got


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *zip(
            ("/v1/t", "/v1/p", "/v1/s", "/v1/track", "/v1/page", "/v1/screen"),
            ("Plan Chosen", "pageview", "screen") * 2,
            strict=True,
        ),
        *((f"/v1/{call}", None) for call in ("i", "g", "a")),
        *((f"/v1/{call}", None) for call in ("identify", "group", "alias")),
    ],
)
def test_the_path_names_the_type_of_its_call(path: str, kind: str | None) -> None:
    call = {"event": "Plan Chosen", "writeKey": KEY}
    expected = DropReason.IDENTITY if kind is None else None

    for named in (call, {**call, "type": "delete"}):
        (got,) = hits(f"/collect{path}", named)
        assert isinstance(got, VendorHit)
        assert got.refused is expected
        assert kind in (None, got.name)


@pytest.mark.parametrize("path", ["/v1/b", "/v1/batch", "/v1/import"])
def test_a_batch_contains_many_calls(path: str) -> None:
    got = hits(path, {"batch": [TRACK] * 3})

    assert [hit.name for hit in got if isinstance(hit, Hit)] == ["Plan Chosen"] * 3


@pytest.mark.parametrize(
    ("call_key", "body_key", "header", "query", "expected"),
    [
        pytest.param("a", "b", BASIC, "writeKey=q", "a", id="the call's"),
        pytest.param(None, "b", BASIC, "writeKey=q", "b", id="the batch's"),
        pytest.param(None, None, BASIC, "writeKey=q", KEY, id="Basic"),
        pytest.param(None, "", "Bearer sec-1", "writeKey=q", "sec-1", id="Bearer"),
        pytest.param(None, None, "", "writeKey=q", "q", id="the query's"),
        pytest.param(None, None, "Basic", "", None, id="none"),
        pytest.param({}, ["b"], "", "writeKey=", None, id="none that is one"),
    ],
)
def test_the_key_is_found_in_every_place_clients_use(
    call_key: object, body_key: object, header: str, query: str, expected: str | None
) -> None:
    call = {"type": "track", "event": "A", "writeKey": call_key}
    body = {"batch": [call], "writeKey": body_key}

    (got,) = hits("/v1/batch", body, query=query, Authorization=header)

    assert isinstance(got, VendorHit)
    assert got.key == expected


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        pytest.param([None], 200, id="kept"),
        pytest.param([DROPS.IDENTITY], 200, id="not kept, rightly"),
        pytest.param([], 200, id="nothing sent"),
        pytest.param([DROPS.UNKNOWN_SITE] * 2, 401, id="a wrong key"),
        pytest.param([DROPS.MALFORMED] * 2, 400, id="nothing readable"),
        pytest.param([DROPS.MALFORMED, None], 200, id="something readable"),
        pytest.param([DROPS.UNKNOWN_SITE, None], 200, id="one wrong key of two"),
    ],
)
def test_the_response_is_success_unless_every_call_failed(
    outcomes: list[DropReason | None], status: int
) -> None:
    for path in ("/v1/t", "/v1/batch"):
        decoded = ask(segment.PROTOCOL, path, {**TRACK, "batch": []})
        assert isinstance(decoded, DecodedRequest)

        reply = decoded.reply(outcomes)

        assert reply.status == status
        assert json.loads(reply.body)["success"] is (status == HTTPStatus.OK)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/v1/t", [TRACK]),
        ("/v1/t", "track"),
        ("/v1/batch", [TRACK]),
        ("/v1/batch", {}),
        ("/v1/batch", {"batch": {"0": TRACK}}),
        ("/v1/batch", {"batch": None}),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedBodyError):
        hits(path, value)


def test_client_metrics_are_refused_and_counted() -> None:
    decoded = ask(segment.PROTOCOL, "/v1/m", {"series": []}, Authorization=BASIC)

    assert isinstance(decoded, DecodedRequest)
    assert decoded.hits == [VendorHit(key=KEY, refused=DropReason.AUTOMATIC)]
    for outcome in (DROPS.AUTOMATIC, DROPS.UNKNOWN_SITE):
        assert decoded.reply([outcome]) == Reply(b'{"success": true}')


@pytest.mark.parametrize(
    "data",
    [
        "eyJldmVudCI6ICJPcGVuZWQiLCAid3JpdGVLZXkiOiAid2lyZS1rZXktMSJ9",
        "%7B%22event%22:%22Opened%22,%22writeKey%22:%22wire-key-1%22%7D",
    ],
)
def test_a_pixel_is_a_call_on_the_referring_page(data: str) -> None:
    query = f"data={data}"
    decoded = ask(
        segment.PROTOCOL, "/v1/pixel/track", method="GET", query=query, Referer=URL
    )

    assert isinstance(decoded, DecodedRequest)
    (got,) = decoded.hits
    assert isinstance(got, VendorHit)
    assert (got.key, got.name, got.url) == (KEY, "Opened", URL)
    reply = decoded.reply([DROPS.UNKNOWN_SITE])
    assert (reply.status, reply.body, reply.content_type) == (200, PIXEL, "image/gif")


@pytest.mark.parametrize("query", ["", "data=", "data=7", "data=%7B", "data=!!"])
def test_a_pixel_without_a_call_is_refused(query: str) -> None:
    with pytest.raises(MalformedBodyError):
        ask(segment.PROTOCOL, "/v1/pixel/page", method="GET", query=query)
