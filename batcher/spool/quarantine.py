"""The quarantine: files that the load sets aside for the operator.

Nothing in it is deleted automatically, except a reason whose segment was removed.
"""

from pathlib import Path

import msgspec

from batcher.spool.lane_files import SEALED_SUFFIX, Segment, unused_path
from warehouse.durable import make_directory, sync_directory, write_durable

REASON_SUFFIX = ".reason"


class Quarantine:
    """The quarantine directory; only the holder of the load lock may change it."""

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
        """Set *segment* aside with its *reason* in a file beside it; return its path.

        A segment that was set aside before, and put back, keeps its name.
        """
        stem = segment.path.stem
        # Names that begin with a dot are not listed.
        lane = segment.lane.lstrip(".")
        name = stem if stem.startswith(f"{lane}-") else f"{lane}-{stem}"
        target = unused_path(self.directory / f"{name}{SEALED_SUFFIX}")
        # The reason is written first: after a crash in between, both steps are
        # repeated.
        write_durable(target.with_suffix(REASON_SUFFIX), msgspec.json.encode(reason))
        self._move(segment.path, target)
        return target

    def add_file(self, path: Path) -> Path:
        """Set the file at *path* aside; return its new path."""
        target = unused_path(self.directory / path.name)
        self._move(path, target)
        return target

    def _move(self, path: Path, target: Path) -> None:
        path.replace(target)
        sync_directory(self.directory)
        sync_directory(path.parent)


def remove_lone_reasons(folder: Path) -> None:
    """Remove all reasons in *folder* whose segment is no longer beside them."""
    lone_reasons = [
        path
        for path in folder.glob(f"[!.]*{REASON_SUFFIX}")
        if path.is_file() and not path.with_suffix(SEALED_SUFFIX).exists()
    ]
    for path in lone_reasons:
        path.unlink(missing_ok=True)
    if lone_reasons:
        sync_directory(folder)
