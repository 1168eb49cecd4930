"""Sparklines and bars show zero apart from small figures, and fit their width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.terminal.glyphs import ASCII, UNICODE, bar, sparkline


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        pytest.param([0, 0, 0], "▁▁▁", id="zeros"),
        pytest.param([0, 1, 1_000], "▁▂█", id="a small figure is above zero"),
        pytest.param([1, 2, 3, 4, 5, 6, 7], "▂▃▄▅▆▇█", id="a slope"),
        pytest.param([5], "█", id="one figure"),
        pytest.param([], "", id="no figures"),
    ],
)
def test_a_sparkline_rises_with_its_figures(figures: list[int], expected: str) -> None:
    assert sparkline(figures, UNICODE, 80) == expected


def test_neighbours_are_summed_to_fit() -> None:
    assert sparkline([1, 1, 2, 2, 7], UNICODE, 3) == "▃▅█"


def test_few_figures_are_drawn_wide() -> None:
    assert sparkline([1, 7], ASCII, 80, widest_step=3) == "...###"


@given(st.lists(st.integers(0, 10**12), max_size=400), st.integers(1, 200))
def test_a_sparkline_fits_its_width(figures: list[int], width: int) -> None:
    for glyphs in (UNICODE, ASCII):
        got = sparkline(figures, glyphs, width, widest_step=3)

        assert len(got) <= max(width, 1)
        assert set(got) <= set(glyphs.blocks)


@pytest.mark.parametrize(
    ("figure", "length"), [(0, 0), (1, 1), (50, 5), (99, 10), (100, 10), (-1, 0)]
)
def test_the_length_of_a_bar_is_proportional(figure: int, length: int) -> None:
    assert bar(figure, 100, ASCII, 10) == "#" * length


def test_ascii_glyphs_are_ascii() -> None:
    drawn = [ASCII.blocks, ASCII.up, ASCII.down, ASCII.cut, ASCII.to, ASCII.rule]

    assert all(text.isascii() for text in drawn)
    assert len(ASCII.blocks) == len(UNICODE.blocks)
