"""Where the loader puts what a person must look at.

Nothing in here is ever deleted but a reason whose segment has gone.
"""

from pathlib import Path

import msgspec

from batcher.spool.lane_files import SEALED_SUFFIX, Segment, unused
from warehouse.durable import make_directory, sync_directory, write_durable

REASON_SUFFIX = ".reason"


class Quarantine:
    """The directory; to be changed by whoever holds the load lock."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        make_directory(directory)

    def segments(self) -> list[Path]:
        """Return the segments that were set aside."""
        return sorted(self.directory.glob(f"*{SEALED_SUFFIX}"))

    def entries(self) -> list[Path]:
        """Return the segments, notes of missing frames and damaged plans."""
        return sorted(
            path
            for path in self.directory.glob("[!.]*")
            if path.suffix != REASON_SUFFIX
        )

    def add_segment(self, segment: Segment, reason: dict[str, object]) -> Path:
        """Set *segment* aside with its *reason* beside it; return where it is."""
        stem = segment.path.stem
        # One that was set aside before and put back keeps its name.
        # A name that begins with a dot would not be seen.
        lane = segment.lane.lstrip(".")
        name = stem if stem.startswith(f"{lane}-") else f"{lane}-{stem}"
        target = unused(self.directory / f"{name}{SEALED_SUFFIX}")
        # The reason first: a crash in between repeats both.
        write_durable(target.with_suffix(REASON_SUFFIX), msgspec.json.encode(reason))
        self._move(segment.path, target)
        return target

    def add_file(self, path: Path) -> Path:
        """Set the file at *path* aside; return where it is."""
        target = unused(self.directory / path.name)
        self._move(path, target)
        return target

    def _move(self, path: Path, target: Path) -> None:
        path.replace(target)
        sync_directory(self.directory)
        sync_directory(path.parent)


def remove_lone_reasons(folder: Path) -> None:
    """Remove from *folder* each reason whose segment is no longer beside it."""
    lone = [
        path
        for path in folder.glob(f"[!.]*{REASON_SUFFIX}")
        if path.is_file() and not path.with_suffix(SEALED_SUFFIX).exists()
    ]
    for path in lone:
        path.unlink(missing_ok=True)
    if lone:
        sync_directory(folder)
