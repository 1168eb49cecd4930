"""The kernel is a witness only where it vouches for the very time that is asked."""

import ctypes
import time
from collections.abc import Callable

import pytest

from warehouse.clock import kernel_clock
from warehouse.clock.kernel_clock import boot_id, is_synchronised, steady_s

NOW = 1_795_348_800
SYNCHRONISED, UNSYNCHRONISED = 0x2001, 0x2041


class Kernel:
    """A C library whose adjtimex says what a test wants."""

    def __init__(self, state: int, status: int, at_s: int) -> None:
        self._said = (state, status, at_s)

    def adjtimex(self, timex: object) -> int:
        """Fill in what the kernel knows."""
        found = timex._obj  # type: ignore[attr-defined]  # noqa: SLF001 - byref
        assert found.modes == 0
        state, found.status, found.time_s = self._said
        return state


def asking(kernel: object) -> Callable[..., object]:
    return lambda *_arguments, **_options: kernel


@pytest.mark.parametrize(
    ("state", "status", "wall_s", "vouches"),
    [
        pytest.param(0, SYNCHRONISED, NOW, True, id="synchronised"),
        pytest.param(1, SYNCHRONISED, NOW + 59, True, id="a leap second is near"),
        pytest.param(5, UNSYNCHRONISED, NOW, False, id="not synchronised"),
        pytest.param(5, SYNCHRONISED, NOW, False, id="in error"),
        pytest.param(-1, 0, NOW, False, id="may not be asked"),
        pytest.param(0, SYNCHRONISED, NOW + 61, False, id="we see another time"),
        pytest.param(0, SYNCHRONISED, NOW - 61, False, id="an earlier one"),
    ],
)
def test_the_kernel_vouches_for_its_own_time_while_a_service_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
    state: int,
    status: int,
    wall_s: int,
    *,
    vouches: bool,
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", asking(Kernel(state, status, NOW)))

    assert is_synchronised(wall_s) == vouches


def test_a_library_without_it_is_no_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", asking(object()))

    assert not is_synchronised(NOW)


def test_the_real_kernel_shows_its_time() -> None:
    timex = kernel_clock.read_timex()

    assert timex is not None
    assert abs(timex.time_s - time.clock_gettime(time.CLOCK_REALTIME)) <= 2
    assert not is_synchronised(timex.time_s + 86_400)


def test_the_steady_clock_and_the_boot_are_known() -> None:
    assert 0 < steady_s() <= steady_s()
    assert boot_id() == boot_id() != ""
