"""The soft limit of open files is raised, and connections fit the limit."""

import resource

import pytest

from config.descriptors import (
    TooFewDescriptorsError,
    descriptor_limits,
    fitting_connections,
    raise_descriptor_limit,
)


def test_the_soft_limit_is_raised_to_the_hard_limit() -> None:
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
    ("max_connections", "limit", "expected"),
    [
        pytest.param(4_096, 1_048_576, 4_096, id="all fit"),
        pytest.param(4_096, 4_160, 4_096, id="all just fit"),
        pytest.param(4_096, 4_159, 4_095, id="one too many"),
        pytest.param(4_096, 1_024, 960, id="a common limit"),
        pytest.param(4_096, 80, 16, id="very few"),
    ],
)
def test_connections_leave_the_reserve_of_descriptors_free(
    max_connections: int, limit: int, expected: int
) -> None:
    assert fitting_connections(max_connections, limit, 64) == expected


def test_too_few_descriptors_are_an_error() -> None:
    with pytest.raises(TooFewDescriptorsError) as caught:
        fitting_connections(4_096, 79, 64)

    assert caught.value.message == "start: 79 open files are allowed, 80 are needed"
    assert caught.value.exit_code == 2
