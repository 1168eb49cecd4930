"""Only the primary language tag and the width class of the screen are stored."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.client.hints import primary_language, screen_class


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


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (1, "xs"),
        (575, "xs"),
        (576, "s"),
        (991.5, "s"),
        (992, "m"),
        (1_439, "m"),
        (1_440, "l"),
        (1_919, "l"),
        (1_920, "xl"),
        (100_000, "xl"),
        (100_001, None),
        (0, None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_a_screen_class_begins_at_its_width(width: float, expected: str | None) -> None:
    got = screen_class([width, 1_000])

    assert got == expected


@pytest.mark.parametrize("screen", [None, []])
def test_a_missing_screen_has_no_class(screen: list[float] | None) -> None:
    assert screen_class(screen) is None


@given(screen=st.lists(st.floats() | st.integers(), max_size=3))
def test_any_screen_gives_a_class_or_none(screen: list[float]) -> None:
    assert screen_class(screen) in (None, "xs", "s", "m", "l", "xl")
