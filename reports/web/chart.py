"""The trend as bars: plain numbers for the shapes of a picture."""

from dataclasses import dataclass
from typing import Final

from reports.overview import Trend, step_name

WIDTH: Final = 960
HEIGHT: Final = 160
_GAP_PART: Final = 0.2
_LEAST_HEIGHT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of the trend: where it stands and what it says."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of a trend, the value of a full one, and the names of its ends."""

    title: str
    bars: tuple[Bar, ...]
    most: int
    first: str
    last: str


def build_chart(trend: Trend) -> Chart:
    """Return *trend* as bars on a field of WIDTH by HEIGHT."""
    names = [step_name(trend.step, label) for label in trend.labels]
    most = max(trend.figures)
    step = WIDTH / len(trend.figures)
    bars = []
    for n, (name, figure) in enumerate(zip(names, trend.figures, strict=True)):
        height = max(HEIGHT * figure / most, _LEAST_HEIGHT) if figure else 0.0
        bars.append(
            Bar(
                x=round(n * step + step * _GAP_PART / 2, 2),
                y=round(HEIGHT - height, 2),
                width=round(step * (1 - _GAP_PART), 2),
                height=round(height, 2),
                text=f"{name}: {figure:,} {trend.metric.label}",
            )
        )
    title = f"{trend.metric.label.capitalize()} by {trend.step}"
    return Chart(title, tuple(bars), most, names[0], names[-1])
