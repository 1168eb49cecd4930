"""The kernel confirms the time only if a time service keeps its clock."""

import ctypes
import time
from collections.abc import Callable

import pytest

from warehouse.clock import kernel_clock
from warehouse.clock.kernel_clock import boot_id, is_synchronised, steady_s

NOW = 1_795_348_800
SYNCHRONISED, UNSYNCHRONISED = 0x2001, 0x2041


class Kernel:
    """A C library whose adjtimex returns the values of a test."""

    def __init__(self, state: int, status: int, at_s: int) -> None:
        self._values = (state, status, at_s)

    def adjtimex(self, timex: object) -> int:
        """Fill in the values, as the kernel does."""
        fields = timex._obj  # type: ignore[attr-defined]  # noqa: SLF001 - byref
        assert fields.modes == 0
        state, fields.status, fields.time_s = self._values
        return state


def library_loader(kernel: object) -> Callable[..., object]:
    return lambda *_arguments, **_options: kernel


@pytest.mark.parametrize(
    ("state", "status", "wall_s", "confirms"),
    [
        pytest.param(0, SYNCHRONISED, NOW, True, id="synchronised"),
        pytest.param(1, SYNCHRONISED, NOW + 59, True, id="a leap second is near"),
        pytest.param(5, UNSYNCHRONISED, NOW, False, id="not synchronised"),
        pytest.param(5, SYNCHRONISED, NOW, False, id="in error"),
        pytest.param(-1, 0, NOW, False, id="not permitted"),
        pytest.param(0, SYNCHRONISED, NOW + 61, False, id="a later wall clock"),
        pytest.param(0, SYNCHRONISED, NOW - 61, False, id="an earlier wall clock"),
    ],
)
def test_the_kernel_confirms_its_own_time_while_a_service_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
    state: int,
    status: int,
    wall_s: int,
    *,
    confirms: bool,
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", library_loader(Kernel(state, status, NOW)))

    assert is_synchronised(wall_s) == confirms


def test_a_library_without_adjtimex_confirms_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", library_loader(object()))

    assert not is_synchronised(NOW)


def test_the_real_kernel_returns_its_time() -> None:
    timex = kernel_clock.read_timex()

    assert timex is not None
    assert abs(timex.time_s - time.clock_gettime(time.CLOCK_REALTIME)) <= 2
    assert not is_synchronised(timex.time_s + 86_400)


def test_the_steady_clock_and_the_boot_are_known() -> None:
    assert 0 < steady_s() <= steady_s()
    assert boot_id() == boot_id() != ""
