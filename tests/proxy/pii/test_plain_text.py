"""Stored text is always printable and valid UTF-8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pii.plain_text import plain_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(" plain ", "plain", id="blanks around"),
        pytest.param("a\tb\nc", "a b c", id="blanks inside"),
        pytest.param("a\x00\x1b[31mb", "a[31mb", id="controls"),
        pytest.param("a\u202eb\u200bc", "abc", id="invisible and turning"),
        pytest.param("a\ud800b", "ab", id="half a surrogate pair"),
        pytest.param("größe 東京", "größe 東京", id="other scripts"),
    ],
)
def test_unprintable_characters_are_removed(text: str, expected: str) -> None:
    got = plain_text(text)

    assert got == expected


@given(text=st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_becomes_printable_and_is_then_unchanged(text: str) -> None:
    got = plain_text(text)

    assert got.isprintable()
    assert got.encode("utf-8").decode("utf-8") == plain_text(got) == got
