"""A lock that lets only one process of a role use the same data at a time.

The process holds a lock file in each directory. The system releases the locks when the
process ends. The lock file contains the process id, for the error message.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from config.errors import MillpondError
from warehouse.durable import make_directory
from warehouse.locks import try_lock, try_locked

# When a supervisor is killed, its children end within this time.
ORPHANS_END_S = 15.0
_POLL_S = 0.1


class AlreadyRunningError(MillpondError):
    """Another process has the same role on the same data."""

    exit_code = 2

    def __init__(self, command: str, directory: Path, process: str) -> None:
        super().__init__(
            f"{command}: already running on {directory}{process}",
            hint="stop it first, or set another spool.dir and warehouse.uri here"
            ' (docs/operations.md, "Already running")',
        )


@contextmanager
def single_instance(
    role: str, directories: Iterable[Path], *, wait_s: float = 0.0
) -> Iterator[None]:
    """Hold the locks of *role* in *directories* while the block runs.

    Raises ``AlreadyRunningError`` if another process still holds one after *wait_s*.
    """
    end_s = time.monotonic() + wait_s
    with ExitStack() as locks:
        for directory in directories:
            make_directory(directory)
            descriptor = _lock(role, directory, end_s)
            locks.callback(os.close, descriptor)
        yield


def holder(role: str, directory: Path) -> int | None:
    """Return the process that holds the lock of *role* in *directory*, if any does."""
    path = _path(role, directory)
    if not path.exists():
        return None
    with try_locked(path) as is_free:
        return None if is_free else _read_pid(path)


def _path(role: str, directory: Path) -> Path:
    return directory / f"{role.replace(' ', '-')}.lock"


def _lock(role: str, directory: Path, end_s: float) -> int:
    path = _path(role, directory)
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() >= end_s:
            raise AlreadyRunningError(role, directory, _holder(path))
        time.sleep(_POLL_S)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _holder(path: Path) -> str:
    pid = _read_pid(path)
    return "" if pid is None else f" (process {pid})"


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
