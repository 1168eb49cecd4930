"""The spool: durable storage for accepted events until the table has them.

    spool = Spool(Path(settings.spool.dir))
    lane = open_free_lane(spool, settings.spool)     # one per process
    lane.commit(event_lines, drop_lines)             # durable, or raises and undoes
    lane.seal_if_due(time.monotonic())               # call about once a second
    lane.close()

Does not import Polars, because the proxy uses this module. docs/segment-format.md
describes the files.
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
from warehouse.misplaced import Misplaced, find_misplaced

_TOKEN_BYTES = 16
_LEFTOVER_AGE_S = 3_600
# About the events of a busy second: a full disk may still have room for a few bytes.
_PROBE_BYTES = 1 << 20
# As many as ``tempfile`` uses, so that a leftover probe is recognised.
_PROBE_DIGITS = 8
# The names that ``warehouse.durable`` and ``lane_files`` give to unfinished files.
_UNFINISHED_FILE = re.compile(
    r"\.(?:.+\.(?:json|reason)|probe|seal-request)\.[a-z0-9_]{8}"
)
_LANE_DRAFT = re.compile(r"\.[a-z0-9][a-z0-9-]{0,62}\.[0-9a-f]{16}")


class Spool:
    """The spool directory, created on first use; every call reads the file system."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lanes = directory / "lanes"
        make_directory(self._lanes)
        self.quarantine = Quarantine(directory / "quarantine")
        self._status = directory.stat()

    @property
    def load_lock(self) -> Path:
        """Return the path of the lock that a load holds."""
        return self.directory / "load.lock"

    @property
    def load_plan(self) -> Path:
        """Return the path of the plan that a load leaves for after a crash."""
        return self.directory / "load-plan.json"

    def check_present(self) -> None:
        """Raise ``FileNotFoundError`` if the spool's path leads to another directory.

        This may be the empty mount point of a disk that is not mounted. Files written
        there are hidden once the disk is mounted again. A restored copy of the spool is
        no problem: it has a directory of lanes.
        """
        is_same = os.path.samestat(self.directory.stat(), self._status)
        if not is_same and not self._lanes.is_dir():
            raise FileNotFoundError(
                errno.ENOENT, os.strerror(errno.ENOENT), str(self._lanes)
            )

    def lanes(self) -> list[str]:
        """Return the names of all directories in ``lanes/``, also invalid names."""
        try:
            names = [path.name for path in self._lanes.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in names if not _LANE_DRAFT.fullmatch(name))

    def lane_directory(self, lane: str) -> Path:
        """Return the directory of *lane*; raise if the name is not valid."""
        if not lane_files.is_lane_name(lane):
            raise SpoolError(f"open lane {lane!r}: not a lane name")
        return self._lanes / lane

    def folder(self, lane: str) -> Path:
        """Return the directory of *lane*, a name from ``lanes()``."""
        return self._lanes / lane

    def sealed(self) -> list[Segment]:
        """Return the sealed segments of all lanes, the oldest of each writer first."""
        segments: list[Segment] = []
        for lane in self.lanes():
            segments += lane_files.sealed_segments(self.folder(lane))
        return segments

    def unsealed(self) -> list[Segment]:
        """Return the open segments, also those left by dead owners."""
        segments: list[Segment] = []
        for lane in self.lanes():
            segments += lane_files.list_segments(self.folder(lane), OPEN_SUFFIX)
        return segments

    def misplaced(self) -> list[Misplaced]:
        """Return the files and directories that no load reads."""
        return find_misplaced(self.directory)

    def recover_lanes(self) -> int:
        """Seal the segments that dead owners left open; return how many."""
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
            # If the directory was removed, its files were removed with it.
            with contextlib.suppress(FileNotFoundError):
                sync_directory(directory)

    def quarantined(self) -> list[Path]:
        """Return the segments that were set aside."""
        return self.quarantine.segments()

    def remove_leftovers(self, now_s: float) -> None:
        """Remove unfinished files of killed processes once they are an hour old.

        Only files with names that Millpond creates are removed, and only empty
        directories. All other files may belong to the operator.
        """
        for folder in [self.directory, self._lanes, self.quarantine.directory]:
            for path in folder.glob(".*"):
                with contextlib.suppress(FileNotFoundError):
                    if now_s - path.lstat().st_mtime >= _LEFTOVER_AGE_S:
                        _remove_leftover(path)

    def remove_lone_reasons(self) -> None:
        """Remove the reasons of segments that were loaded or removed."""
        for folder in [self.quarantine.directory, *map(self.folder, self.lanes())]:
            # A lane's directory may be removed meanwhile.
            with contextlib.suppress(FileNotFoundError):
                remove_lone_reasons(folder)

    def request_seal(self) -> None:
        """Ask the owners of all lanes to seal their open segments."""
        token = secrets.token_hex(_TOKEN_BYTES).encode()
        write_durable(self.directory / "seal-request", token)

    def seal_request(self) -> tuple[int, int]:
        """Return a value that changes with every request to seal."""
        try:
            status = (self.directory / "seal-request").stat()
        except FileNotFoundError:
            return (0, 0)
        return (status.st_ino, status.st_mtime_ns)


def _remove_leftover(path: Path) -> None:
    """Remove *path* if it has the name of an unfinished file of Millpond."""
    if path.is_dir() and not path.is_symlink():
        if _LANE_DRAFT.fullmatch(path.name):
            # An unfinished lane is empty; rmdir leaves any other directory alone.
            with contextlib.suppress(OSError):
                path.rmdir()
    elif _UNFINISHED_FILE.fullmatch(path.name):
        path.unlink()


def _folder_bytes(folder: Path) -> int:
    total = 0
    # A lane's directory may be removed meanwhile.
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            # A segment may be loaded and removed meanwhile.
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def is_writable(spool: Spool, most_bytes: int) -> bool:
    """Return whether a file of some size can be written and removed beside the lanes.

    Returns False also if the spool has reached its limit of *most_bytes*.
    """
    try:
        has_room = spool.size_bytes() < most_bytes
        if has_room:
            # A random name, so that no other file is in the way.
            path = spool.directory / f".probe.{secrets.token_hex(_PROBE_DIGITS // 2)}"
            create_durable(path, bytes(_PROBE_BYTES))
            remove_durable(path)
    except OSError:
        return False
    return has_room
