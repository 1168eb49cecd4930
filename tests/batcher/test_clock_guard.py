"""A jump of the clock is believed only once it has stood, so no salt dies of one."""

import pytest

from batcher.clock_guard import STAND_S, ClockGuard
from batcher.salt_destruction import is_due
from tests.batcher.salt_cases import DAY, ZONE, at

NOON = at("2026-11-22T12:00")
HOUR_S = 3_600


def believed(*jumps: tuple[int, float]) -> list[float]:
    """Return what is believed at each (seconds after noon, jump of the wall clock).

    Times are told from noon too. The steady clock started at 5,000.
    """
    guard = ClockGuard(NOON, 5_000.0)
    return [
        guard.believed(NOON + since + jump, 5_000.0 + since) - NOON
        for since, jump in jumps
    ]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param([(60, 0), (120, 0)], [60, 120], id="a clock that is right"),
        pytest.param(
            [(60, 1), (HOUR_S, 60), (2 * HOUR_S, 150)],
            [61, HOUR_S + 60, 2 * HOUR_S + 150],
            id="drift is followed",
        ),
        pytest.param(
            [(60, 86_400), (120, 86_400), (180, 0)],
            [60, 120, 180],
            id="a jump that is taken back never was",
        ),
        pytest.param(
            [(60, -86_400), (60 + STAND_S - 1, -86_400), (60 + STAND_S, -86_400)],
            [60, 60 + STAND_S - 1, 60 + STAND_S - 86_400],
            id="a jump that stands is believed",
        ),
        pytest.param(
            [(60, 86_400), (60 + HOUR_S // 2, 90_000), (60 + HOUR_S, 90_000)],
            [60, 60 + HOUR_S // 2, 60 + HOUR_S],
            id="another jump starts over",
        ),
    ],
)
def test_time_goes_on_as_before_until_a_jump_has_stood(
    seen: list[tuple[int, float]], expected: list[float]
) -> None:
    assert believed(*seen) == expected


@pytest.mark.parametrize("jump_s", [86_400, 25 * HOUR_S, -86_400, 10 * 366 * 86_400])
def test_a_jump_for_a_minute_makes_no_salt_due(jump_s: int) -> None:
    times = believed((60, jump_s), (120, jump_s), (180, 0))

    assert not any(is_due(ZONE, DAY, NOON + since) for since in times)
