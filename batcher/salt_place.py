"""Where salts live unless told otherwise: in memory, on a path of this installation."""

import hashlib
import os
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - checked to be memory, and used privately
_MEMORY_TYPES = {"tmpfs", "ramfs"}


def default_directory(spool_dir: Path, memory: Path = _MEMORY) -> Path:
    """Return where the salts of the installation with *spool_dir* live by default.

    On a RAM-backed file system where there is one, so that neither a disk image nor a
    backup ever holds a salt; else beside the spool.
    """
    if not (is_in_memory(memory) and os.access(memory, os.W_OK)):
        return spool_dir.parent / "salts"
    name = hashlib.blake2b(os.fsencode(spool_dir.resolve()), digest_size=6).hexdigest()
    return memory / f"millpond-{os.geteuid()}-{name}"


def is_in_memory(path: Path) -> bool:
    """Say whether *path* lies on a file system that is memory, by the mount table."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    except OSError:
        return False
    real = path.resolve()
    best, kind = Path("/"), ""
    for line in mounts.splitlines():
        _, mounted, file_system, *_ = line.split(" ")
        point = Path(mounted.encode().decode("unicode_escape"))
        if real.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, file_system
    return kind in _MEMORY_TYPES
