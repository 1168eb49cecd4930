"""Only the primary language tag and the width class of the screen are stored."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.client.hints import primary_language


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        pytest.param("de-CH", "de", id="region"),
        pytest.param("EN", "en", id="capitals"),
        pytest.param("zh_Hans_CN", "zh", id="underscores"),
        pytest.param("fil", "fil", id="three letters"),
        pytest.param("de-CH,de;q=0.9,en;q=0.8", "de", id="header"),
        pytest.param("de;q=0.9", "de", id="weight"),
        pytest.param(" de", "de", id="blank"),
        pytest.param("german", None, id="no tag"),
        pytest.param("de1", None, id="digit"),
        pytest.param("d", None, id="one letter"),
        pytest.param("*", None, id="any"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
        pytest.param("\u212a\u212a", None, id="lookalike letters"),
    ],
)
def test_a_language_keeps_its_primary_tag(
    tag: str | None, expected: str | None
) -> None:
    got = primary_language(tag)

    assert got == expected


@given(tag=st.text(max_size=20))
def test_any_language_gives_a_primary_tag_or_none(tag: str) -> None:
    got = primary_language(tag)

    assert got is None or re.fullmatch("[a-z]{2,3}", got)
