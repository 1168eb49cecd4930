"""Files and directories in the spool that no load reads, because of their place.

The load continues without them, so the operator must be warned. This module does not
import Polars, because the proxy shows the warning on ``/readyz``.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SEGMENT_SUFFIXES = (".open", ".segment")


class Fault(StrEnum):
    """Why no load reads an entry; the value is the reason in the log."""

    LANE_IS_FILE = "lane_is_file"
    SEGMENT_IS_DIRECTORY = "segment_is_directory"
    SEGMENT_OUTSIDE_LANE = "segment_outside_lane"


# The problem and the remedy.
_TEXTS = {
    Fault.LANE_IS_FILE: (
        "is not a directory, so no load reads it",
        "if it is a segment, move it into a directory under lanes/; else move it away",
    ),
    Fault.SEGMENT_IS_DIRECTORY: (
        "is a directory, so no load reads it",
        "move it out of the lane",
    ),
    Fault.SEGMENT_OUTSIDE_LANE: (
        "is not in a lane, so no load reads it",
        "move it into a directory under lanes/",
    ),
}


@dataclass(frozen=True, slots=True)
class Misplaced:
    """One entry of the spool that no load reads."""

    fault: Fault
    path: Path

    @property
    def problem(self) -> str:
        """Return the path and what is wrong with it."""
        return f"{self.path} {_TEXTS[self.fault][0]}"

    @property
    def remedy(self) -> str:
        """Return what to do."""
        return _TEXTS[self.fault][1]

    def __str__(self) -> str:
        """Return the problem and what to do."""
        return f"{self.problem}: {self.remedy}"


def find_misplaced(spool_dir: Path) -> list[Misplaced]:
    """Return the entries of the spool that no load reads, in order of their paths.

    A directory that cannot be listed counts as empty. Names that begin with a dot are
    ignored: they belong to unfinished files, or to the operator.
    """
    entries = [
        Misplaced(Fault.SEGMENT_OUTSIDE_LANE, Path(entry.path))
        for entry in _entries(spool_dir)
        if entry.name.endswith(_SEGMENT_SUFFIXES)
    ]
    for lane in _entries(spool_dir / "lanes"):
        if not _is_directory(lane):
            entries.append(Misplaced(Fault.LANE_IS_FILE, Path(lane.path)))
            continue
        entries += [
            Misplaced(Fault.SEGMENT_IS_DIRECTORY, Path(entry.path))
            for entry in _entries(Path(lane.path))
            if entry.name.endswith(_SEGMENT_SUFFIXES) and _is_directory(entry)
        ]
    return sorted(entries, key=lambda entry: entry.path)


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def _entries(directory: Path) -> Iterator["os.DirEntry[str]"]:
    # A lane's directory may be removed meanwhile.
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry
