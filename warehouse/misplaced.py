"""What stands in the spool where the load passes over it: files and directories.

The load goes on beside them, so a person has to be told. Reading this needs no Polars:
the proxy shows it on ``/readyz``.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SEGMENT_SUFFIXES = (".open", ".segment")


class Fault(StrEnum):
    """Why an entry is passed over; the value is what the log says."""

    LANE_IS_FILE = "lane_is_file"
    SEGMENT_IS_DIRECTORY = "segment_is_directory"
    SEGMENT_OUTSIDE_LANE = "segment_outside_lane"


_TEXTS = {
    Fault.LANE_IS_FILE: (
        "is no directory, and no load reads it",
        "move a segment into a directory under lanes/, and anything else away",
    ),
    Fault.SEGMENT_IS_DIRECTORY: (
        "is a directory, and no load reads it",
        "move it out of the lane",
    ),
    Fault.SEGMENT_OUTSIDE_LANE: (
        "is in no lane, and no load reads it",
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
        """Return what is wrong with it."""
        return f"{self.path} {_TEXTS[self.fault][0]}"

    @property
    def remedy(self) -> str:
        """Return what to do."""
        return _TEXTS[self.fault][1]

    def __str__(self) -> str:
        """Return what is wrong with it, and what to do."""
        return f"{self.problem}: {self.remedy}"


def misplaced(spool_dir: Path) -> list[Misplaced]:
    """Return what of the spool is passed over; what cannot be listed is not.

    Names that begin with a dot are left alone: unfinished files have such names, and
    what belongs to a person.
    """
    found = [
        Misplaced(Fault.SEGMENT_OUTSIDE_LANE, Path(entry.path))
        for entry in _entries(spool_dir)
        if entry.name.endswith(_SEGMENT_SUFFIXES)
    ]
    for lane in _entries(spool_dir / "lanes"):
        if not _is_directory(lane):
            found.append(Misplaced(Fault.LANE_IS_FILE, Path(lane.path)))
            continue
        found += [
            Misplaced(Fault.SEGMENT_IS_DIRECTORY, Path(entry.path))
            for entry in _entries(Path(lane.path))
            if entry.name.endswith(_SEGMENT_SUFFIXES) and _is_directory(entry)
        ]
    return sorted(found, key=lambda each: each.path)


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _entries(directory: Path) -> Iterator["os.DirEntry[str]"]:
    # A lane's directory may be removed while we look.
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry
