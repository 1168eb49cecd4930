"""The soft limit of open files is raised, and connections are fitted to what holds."""

import resource

import pytest

from config.descriptors import (
    TooFewDescriptorsError,
    descriptor_limits,
    fitting_connections,
    raise_descriptor_limit,
)


def test_a_soft_limit_is_raised_to_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        got = raise_descriptor_limit()
        limits = descriptor_limits()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert (got, got) == limits
    assert hard == before[1]
    assert got > 64


@pytest.mark.parametrize(
    ("most", "limit", "expected"),
    [
        pytest.param(4_096, 1_048_576, 4_096, id="all fit"),
        pytest.param(4_096, 4_160, 4_096, id="all just fit"),
        pytest.param(4_096, 4_159, 4_095, id="all but one"),
        pytest.param(4_096, 1_024, 960, id="a common limit"),
        pytest.param(4_096, 80, 16, id="hardly any"),
    ],
)
def test_connections_leave_the_reserve(most: int, limit: int, expected: int) -> None:
    assert fitting_connections(most, limit, 64) == expected


def test_too_few_to_work_with_are_refused() -> None:
    with pytest.raises(TooFewDescriptorsError) as caught:
        fitting_connections(4_096, 79, 64)

    assert caught.value.message == "start: 79 open files are allowed, 80 are needed"
    assert caught.value.exit_code == 2
