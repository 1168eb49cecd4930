"""A line is let through once a second, and none is uncounted."""

from proxy.throttle import OncePerSecond


def test_a_line_a_second_says_for_how_many_it_stands() -> None:
    throttle = OncePerSecond()

    got = [throttle.count(now_s) for now_s in (7.0, 7.2, 7.9, 8.0, 8.1, 20.0)]

    assert got == [1, 0, 0, 3, 0, 2]


def test_a_clock_set_back_does_not_silence_it() -> None:
    throttle = OncePerSecond()

    assert [throttle.count(1_000), throttle.count(5)] == [1, 1]
