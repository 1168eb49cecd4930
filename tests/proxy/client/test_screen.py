"""Screens are stored by class of width only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.client.hints import screen_class


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
