"""Time from the Linux kernel that is independent of the wall clock; read-only.

Setting the wall clock cannot change either answer: the steady clock keeps counting, and
a clock that is set by hand is no longer synchronised.
"""

import ctypes
import sys
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UNSYNCHRONISED = 0x0040
_ERROR = 5
# The wall clock of this process and the kernel's clock may differ by this much.
_AGREE_S = 60.0


class _Timex(ctypes.Structure):
    """The kernel's ``struct timex``, with all fields, so that its size is right."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("constant", "precision", "tolerance")),
        ("time_s", ctypes.c_long),
        ("time_part", ctypes.c_long),
        ("tick", ctypes.c_long),
        *((name, ctypes.c_long) for name in ("ppsfreq", "jitter")),
        ("shift", ctypes.c_int),
        *(
            (name, ctypes.c_long)
            for name in ("stabil", "jitcnt", "calcnt", "errcnt", "stbcnt")
        ),
        ("tai", ctypes.c_int),
        ("rest", ctypes.c_int * 11),
    )


def steady_s() -> float:
    """Return the seconds since the machine started, including time in suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Return the id of the machine's current boot; empty if it is not known."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_synchronised(wall_s: float) -> bool:
    """Return whether a time service keeps the kernel's clock and it shows *wall_s*.

    False if the kernel does not answer or shows another time.
    """
    timex = read_timex()
    if timex is None or timex.status & _UNSYNCHRONISED:
        return False
    kernel_s: int = timex.time_s
    return abs(kernel_s - wall_s) <= _AGREE_S


def read_timex() -> _Timex | None:
    """Return the state of the kernel's clock, None if the kernel does not answer."""
    if not sys.platform.startswith("linux"):
        return None
    timex = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return None
    if state == -1:
        return None
    if state == _ERROR:
        timex.status |= _UNSYNCHRONISED
    return timex
