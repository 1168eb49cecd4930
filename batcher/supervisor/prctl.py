"""Process options of the kernel: end with the parent process, write no core file."""

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def end_with_parent(parent_pid: int) -> None:
    """Let the kernel send SIGTERM to this process when *parent_pid* dies."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have died before the call.
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)


def forbid_core_dumps() -> None:
    """Prevent core files of this process, because its memory holds salts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
