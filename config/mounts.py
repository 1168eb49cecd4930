"""Which file systems are memory, by the mount table of this machine."""

from pathlib import Path

_MEMORY_TYPES = {"tmpfs", "ramfs"}
_MOUNTS = Path("/proc/self/mounts")


def is_in_memory(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Say whether *path* lies on a file system that is memory; it need not exist."""
    try:
        table = mounts.read_text(encoding="utf-8")
    except OSError:
        return False
    real = path.resolve()
    best, kind = Path("/"), ""
    for line in table.splitlines():
        _, mounted, file_system, *_ = line.split(" ")
        point = Path(mounted.encode().decode("unicode_escape"))
        if real.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, file_system
    return kind in _MEMORY_TYPES
