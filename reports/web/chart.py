"""The trend as a bar chart: the coordinates and texts of its bars."""

from dataclasses import dataclass
from typing import Final

from reports.overview import Trend, step_name

WIDTH: Final = 960
HEIGHT: Final = 160
# The share of a step that is the gap between two bars.
_GAP_SHARE: Final = 0.2
_MIN_HEIGHT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of the trend: its rectangle and its text."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of a trend, its highest figure, and the names of its ends."""

    title: str
    bars: tuple[Bar, ...]
    highest: int
    first: str
    last: str


def build_chart(trend: Trend) -> Chart:
    """Return *trend* as bars on an area of WIDTH by HEIGHT."""
    names = [step_name(trend.step, label) for label in trend.labels]
    highest = max(trend.figures)
    step_width = WIDTH / len(trend.figures)
    bars = []
    for n, (name, figure) in enumerate(zip(names, trend.figures, strict=True)):
        height = max(HEIGHT * figure / highest, _MIN_HEIGHT) if figure else 0.0
        bars.append(
            Bar(
                x=round(n * step_width + step_width * _GAP_SHARE / 2, 2),
                y=round(HEIGHT - height, 2),
                width=round(step_width * (1 - _GAP_SHARE), 2),
                height=round(height, 2),
                text=f"{name}: {figure:,} {trend.metric.label}",
            )
        )
    title = f"{trend.metric.label.capitalize()} by {trend.step}"
    return Chart(title, tuple(bars), highest, names[0], names[-1])
