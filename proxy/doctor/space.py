"""Checks that the disks of the spool and the warehouse have room for new files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from config.settings import Settings, SpoolSettings
from proxy.doctor.finding import Finding, finding, fine, look

_SPOOL, _WAREHOUSE = "spool", "warehouse"


class FreeSpace(NamedTuple):
    """What a user who is not root can still write on a disk."""

    size_bytes: int
    # None where the file system has no fixed number of files.
    files: int | None


def free_space(path: Path) -> FreeSpace:
    """Return the free space of the disk that holds *path*."""
    stats = os.statvfs(path)
    files = stats.f_favail if stats.f_files else None
    return FreeSpace(stats.f_bavail * stats.f_frsize, files)


def space_finding(settings: SpoolSettings, used_bytes: int, free: FreeSpace) -> Finding:
    """Return whether a spool that uses *used_bytes* can grow as far as it may."""
    if _is_full(free, settings):
        return _full(_SPOOL, "the proxy will refuse events", free)
    if used_bytes + free.size_bytes < settings.max_bytes:
        return look(
            _SPOOL,
            f"it may grow to {_format_mb(settings.max_bytes)}, but"
            f" {_format_mb(free.size_bytes)} are free: a full disk would also stop the"
            " batcher",
            "lower spool.max_bytes, or free space on this disk",
        )
    return fine(
        _SPOOL, f"{_format_mb(used_bytes)} used, {_format_mb(free.size_bytes)} free"
    )


def warehouse_space(settings: Settings) -> Iterator[Finding]:
    """Yield a finding if the warehouse's disk is full; the spool may be elsewhere."""
    path = Path(settings.warehouse.uri)
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    free = free_space(existing)
    if _is_full(free, settings.spool):
        yield _full(_WAREHOUSE, "the batcher cannot write tables", free)


def _is_full(free: FreeSpace, settings: SpoolSettings) -> bool:
    """Whether there is no room for a segment, or for a file."""
    return free.size_bytes < settings.segment_max_mb << 20 or free.files == 0


def _full(about: str, result: str, free: FreeSpace) -> Finding:
    files = ", and no file can be created" if free.files == 0 else ""
    return finding(
        about,
        f"{_format_mb(free.size_bytes)} are free{files}: {result}",
        "free space on this disk",
    )


def _format_mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"
