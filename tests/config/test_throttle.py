"""The throttle lets a line through at intervals, and counts every line."""

from config.throttle import Throttle


def test_one_line_per_interval_has_the_count_of_all() -> None:
    throttle = Throttle(every_s=10)

    got = [throttle.count(now_s) for now_s in (7.0, 7.2, 16.9, 17.0, 18.1, 40.0)]

    assert got == [1, 0, 0, 3, 0, 2]


def test_a_clock_set_back_does_not_block_lines() -> None:
    throttle = Throttle(every_s=10)

    assert [throttle.count(1_000), throttle.count(5)] == [1, 1]
