"""The spool: where accepted events wait, durable, until the table has them.

    spool = Spool(Path(settings.spool.dir))
    lane = open_free_lane(spool, settings.spool)     # one per process
    lane.commit(event_lines, drop_lines)             # durable, or raised and undone
    lane.seal_if_due(time.monotonic())               # call about once a second
    lane.close()

Imports no Polars, because the proxy writes here. docs/segment-format.md says what
lies where.
"""

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from batcher.spool import lane_files
from batcher.spool.lane_files import OPEN_SUFFIX, Segment, SpoolError
from batcher.spool.quarantine import Quarantine, remove_lone_reasons
from warehouse.durable import (
    create_durable,
    make_directory,
    remove_durable,
    sync_directory,
    write_durable,
)
from warehouse.misplaced import Misplaced, misplaced

_TOKEN_BYTES = 16
_LEFTOVER_AGE_S = 3_600
# As much as a busy second brings; a full disk still has room for a few bytes.
_PROBE_BYTES = 1 << 20
# As many as ``tempfile`` gives, so that a leftover is recognised.
_PROBE_DIGITS = 8
# As ``warehouse.durable`` and ``lane_files`` name what is not finished.
_UNFINISHED_FILE = re.compile(
    r"\.(?:.+\.(?:json|reason)|probe|seal-request)\.[a-z0-9_]{8}"
)
_LANE_DRAFT = re.compile(r"\.[a-z0-9][a-z0-9-]{0,62}\.[0-9a-f]{16}")


class Spool:
    """The directory, created on first use; what is in it is read anew each time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lanes = directory / "lanes"
        make_directory(self._lanes)
        self.quarantine = Quarantine(directory / "quarantine")
        self._status = directory.stat()

    @property
    def load_lock(self) -> Path:
        """Return the lock that whoever loads holds."""
        return self.directory / "load.lock"

    @property
    def load_plan(self) -> Path:
        """Return where a load keeps what must outlive its own death."""
        return self.directory / "load-plan.json"

    def check_present(self) -> None:
        """Raise ``FileNotFoundError`` while another directory stands for the spool.

        Such a one is the empty mount point of a disk that is away: what is written to
        it is hidden once the disk is back. A copy that was put in its place has lanes.
        """
        is_same = os.path.samestat(self.directory.stat(), self._status)
        if not is_same and not self._lanes.is_dir():
            raise FileNotFoundError(
                errno.ENOENT, os.strerror(errno.ENOENT), str(self._lanes)
            )

    def lanes(self) -> list[str]:
        """Return the names of all directories of lanes, whatever they are called."""
        try:
            names = [path.name for path in self._lanes.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in names if not _LANE_DRAFT.fullmatch(name))

    def lane_directory(self, lane: str) -> Path:
        """Return where *lane* keeps its segments."""
        if not lane_files.is_lane_name(lane):
            raise SpoolError(f"open lane {lane!r}: not a lane name")
        return self._lanes / lane

    def folder(self, lane: str) -> Path:
        """Return the directory of one of ``lanes()``."""
        return self._lanes / lane

    def sealed(self) -> list[Segment]:
        """Return the sealed segments of all lanes, each writer's oldest first."""
        found: list[Segment] = []
        for lane in self.lanes():
            found += lane_files.sealed_segments(self.folder(lane))
        return found

    def unsealed(self) -> list[Segment]:
        """Return the segments that are being written, or were left by a dead owner."""
        found: list[Segment] = []
        for lane in self.lanes():
            found += lane_files.list_segments(self.folder(lane), OPEN_SUFFIX)
        return found

    def misplaced(self) -> list[Misplaced]:
        """Return what stands where no load reads it."""
        return misplaced(self.directory)

    def recover_lanes(self) -> int:
        """Seal what dead owners left open; return how many segments there were."""
        directories = map(self.folder, self.lanes())
        return sum(map(lane_files.recover_abandoned, directories))

    def size_bytes(self) -> int:
        """Return the size of all segments: sealed, open and set aside."""
        folders = [*map(self.folder, self.lanes()), self.quarantine.directory]
        return sum(map(_folder_bytes, folders))

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove the loaded segments at *paths*, durably."""
        directories = set()
        for path in paths:
            path.unlink(missing_ok=True)
            directories.add(path.parent)
        for directory in directories:
            # Without its directory a name is gone too.
            with contextlib.suppress(FileNotFoundError):
                sync_directory(directory)

    def quarantined(self) -> list[Path]:
        """Return the segments that were set aside."""
        return self.quarantine.segments()

    def remove_leftovers(self, now_s: float) -> None:
        """Remove files a killed writer had not given their name, after an hour.

        Only names that our own code makes, and of directories only empty ones: all
        else belongs to a person.
        """
        for folder in [self.directory, self._lanes, self.quarantine.directory]:
            for path in folder.glob(".*"):
                with contextlib.suppress(FileNotFoundError):
                    if now_s - path.lstat().st_mtime >= _LEFTOVER_AGE_S:
                        _remove_leftover(path)

    def remove_lone_reasons(self) -> None:
        """Remove what is said of segments that were loaded or taken away."""
        for folder in [self.quarantine.directory, *map(self.folder, self.lanes())]:
            # A lane's directory may be removed while we look.
            with contextlib.suppress(FileNotFoundError):
                remove_lone_reasons(folder)

    def request_seal(self) -> None:
        """Ask the owners of all lanes to seal what they have open."""
        token = secrets.token_hex(_TOKEN_BYTES).encode()
        write_durable(self.directory / "seal-request", token)

    def seal_request(self) -> tuple[int, int]:
        """Return a mark that changes with every request to seal."""
        try:
            status = (self.directory / "seal-request").stat()
        except FileNotFoundError:
            return (0, 0)
        return (status.st_ino, status.st_mtime_ns)


def _remove_leftover(path: Path) -> None:
    """Remove *path* if its name shows that it is unfinished, and ours."""
    if path.is_dir() and not path.is_symlink():
        if _LANE_DRAFT.fullmatch(path.name):
            # It never holds anything before it has its name.
            with contextlib.suppress(OSError):
                path.rmdir()
    elif _UNFINISHED_FILE.fullmatch(path.name):
        path.unlink()


def _folder_bytes(folder: Path) -> int:
    total = 0
    # A lane's directory may be removed while we look.
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            # A segment may be loaded and removed while we look.
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def is_writable(spool: Spool, most_bytes: int) -> bool:
    """Write and remove a file of some size beside the lanes; say whether that worked.

    *most_bytes* is the spool's bound.
    """
    try:
        has_room = spool.size_bytes() < most_bytes
        if has_room:
            # A name of its own: nothing can be in its way.
            path = spool.directory / f".probe.{secrets.token_hex(_PROBE_DIGITS // 2)}"
            create_durable(path, bytes(_PROBE_BYTES))
            remove_durable(path)
    except OSError:
        return False
    return has_room
