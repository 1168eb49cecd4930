"""JSON is unpacked from every encoding of the clients, or refused within bounds."""

import base64
import gzip
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols.encodings import (
    decode_base64,
    decode_form_or_json,
    decode_json,
    decompress_gzip,
    parse_fields,
)
from proxy.transport.body import RefusedBodyError

MOST = 10_000
VALUE = {"event": "Order Completed", "properties": {"total": 59.9, "who": "é?>~"}}
TEXT = json.dumps(VALUE)
STANDARD = base64.b64encode(TEXT.encode()).decode()
URL_SAFE = base64.urlsafe_b64encode(TEXT.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(TEXT.encode(), id="JSON"),
        pytest.param(b" \n" + TEXT.encode(), id="JSON behind blanks"),
        pytest.param(urlencode({"data": STANDARD}).encode(), id="base64 in a form"),
        pytest.param(f"data={STANDARD}".encode(), id="base64, not escaped"),
        pytest.param(f"data={URL_SAFE}".encode(), id="the other alphabet"),
        pytest.param(urlencode({"data": TEXT, "v": 1}).encode(), id="JSON in a form"),
        pytest.param(STANDARD.encode(), id="base64 alone"),
    ],
)
def test_the_value_of_a_body_is_found(body: bytes) -> None:
    got = decode_form_or_json(body)

    assert got["event"] == VALUE["event"]
    assert got["properties"] == {"total": Decimal("59.9"), "who": "é?>~"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"data=", id="an empty form"),
        pytest.param(b"data=%7B", id="a form with half an object"),
        pytest.param(b"hello", id="words"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param("ñandú".encode(), id="letters of no alphabet"),
        pytest.param(b"[" * 100_000, id="depth 100,000"),
        pytest.param(b'{"x": NaN}', id="NaN"),
        pytest.param(b"&" * 2_000, id="fields without end"),
    ],
)
def test_a_body_without_a_value_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        decode_form_or_json(body)


def test_amounts_keep_every_digit() -> None:
    assert decode_json(b"[0.1, 1.005, 59.90, 12]") == [
        Decimal("0.1"),
        Decimal("1.005"),
        Decimal("59.90"),
        12,
    ]


def test_only_gzip_is_unpacked_and_recognized_by_its_bytes() -> None:
    assert decompress_gzip(gzip.compress(b"{}"), MOST) == b"{}"
    assert decompress_gzip(b"{}", MOST) == b"{}"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(b"x" * 20)[:-4], id="cut"),
        pytest.param(gzip.compress(b"{}") * 2, id="two members"),
        pytest.param(gzip.compress(b"") * 5_000, id="5,000 members"),
        pytest.param(gzip.compress(b"{}") + b"x", id="more behind"),
        pytest.param(b"\x1f\x8b" + b"x" * 40, id="only called so"),
        pytest.param(b"\x1f\x8b", id="only begun"),
    ],
)
def test_an_incomplete_gzip_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        decompress_gzip(body, MOST)


def test_a_gzip_bomb_is_unpacked_only_to_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    with pytest.raises(RefusedBodyError) as caught:
        decompress_gzip(bomb, MOST)

    assert caught.value.status == 413
    assert len(decompress_gzip(gzip.compress(bytes(MOST)), MOST)) == MOST


@given(st.binary(max_size=100), st.booleans(), st.booleans())
def test_base64_is_read_in_both_alphabets_with_or_without_padding(
    content: bytes,
    safe: bool,  # noqa: FBT001 - Hypothesis gives it
    padded: bool,  # noqa: FBT001 - as above
) -> None:
    encode = base64.urlsafe_b64encode if safe else base64.b64encode
    text = encode(content).decode()

    assert decode_base64(text if padded else text.rstrip("=")) == content


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1&b=&a=2", {"a": "2", "b": ""}),
        ("", {}),
        ("x=%C3%A9+y", {"x": "é y"}),
    ],
)
def test_form_fields_are_read_as_browsers_encode_them(
    text: str, expected: dict[str, Any]
) -> None:
    assert parse_fields(text) == expected
