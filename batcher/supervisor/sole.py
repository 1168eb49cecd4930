"""One process at a time for what only one may do on the same data.

A lock in each directory is held while the process lives; a dead one holds none. The
file tells the next who it is.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from config.errors import MillpondError
from warehouse.durable import make_directory
from warehouse.locks import try_lock

# A supervisor that was killed leaves children that end within its patience.
ORPHANS_END_S = 15.0
_POLL_S = 0.1


class AlreadyRunningError(MillpondError):
    """Another process does that very thing on the same data."""

    exit_code = 2

    def __init__(self, command: str, directory: Path, process: str) -> None:
        super().__init__(
            f"{command}: another one runs on {directory}{process}",
            hint="stop it first, or give this one another spool.dir and warehouse.uri"
            ' (docs/operations.md, "Already running")',
        )


@contextmanager
def sole(
    role: str, directories: Iterable[Path], *, wait_s: float = 0.0
) -> Iterator[None]:
    """Be the only *role* on *directories* while the block runs.

    Raises ``AlreadyRunningError`` where another is, after *wait_s*.
    """
    end_s = time.monotonic() + wait_s
    with ExitStack() as held:
        for directory in directories:
            make_directory(directory)
            descriptor = _hold(role, directory, end_s)
            held.callback(os.close, descriptor)
        yield


def _hold(role: str, directory: Path, end_s: float) -> int:
    path = directory / f"{role.replace(' ', '-')}.lock"
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() >= end_s:
            raise AlreadyRunningError(role, directory, _holder(path))
        time.sleep(_POLL_S)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _holder(path: Path) -> str:
    try:
        return f" (process {int(path.read_text(encoding='ascii'))})"
    except (OSError, ValueError):
        return ""
