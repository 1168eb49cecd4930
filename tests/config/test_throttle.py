"""A line is let through now and then, and none is uncounted."""

from config.throttle import Throttle


def test_a_line_in_ten_seconds_says_for_how_many_it_stands() -> None:
    throttle = Throttle(every_s=10)

    got = [throttle.count(now_s) for now_s in (7.0, 7.2, 16.9, 17.0, 18.1, 40.0)]

    assert got == [1, 0, 0, 3, 0, 2]


def test_a_clock_set_back_does_not_silence_it() -> None:
    throttle = Throttle(every_s=10)

    assert [throttle.count(1_000), throttle.count(5)] == [1, 1]
