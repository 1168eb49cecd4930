"""A lane on disk: one process's numbered segments, its lock, and its counter.

    owner.lock            held by the process that writes the lane
    recovery.lock         held by whoever takes the lane, or seals it for a dead owner
    next                  the lowest segment number that was never used
    0000000042.open       being written
    0000000041.segment    sealed: complete, and never changed again

Numbers only grow and segments are sealed in order, so that once a number is in the
table every lower one is there too.
"""

import os
import re
import secrets
import shutil
from pathlib import Path

import msgspec

from batcher.durable import (
    make_directory,
    remove_durable,
    sync_directory,
    sync_file,
    write_durable,
)
from batcher.segment import read_frames
from config.errors import MillpondError, Retryable
from warehouse.locks import locked, try_lock, try_locked

OPEN_SUFFIX = ".open"
SEALED_SUFFIX = ".segment"
_OWNER_LOCK = "owner.lock"
_RECOVERY_LOCK = "recovery.lock"
_NEXT_NUMBER = "next"
_NUMBER_DIGITS = 10
_LANE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class SpoolError(MillpondError):
    """The spool is not what it should be; a person must look."""


class LaneTakenError(Retryable, MillpondError):
    """Another process writes this lane."""


class Segment(msgspec.Struct, frozen=True):
    """One segment file of a lane."""

    lane: str
    number: int
    path: Path
    size_bytes: int


def is_lane_name(name: str) -> bool:
    """Return whether *name* can be a lane's."""
    return _LANE_NAME.fullmatch(name) is not None


def segment_path(lane: Path, number: int, suffix: str) -> Path:
    """Return where segment *number* of *lane* is while it has *suffix*."""
    return lane / f"{number:0{_NUMBER_DIGITS}}{suffix}"


def own(lane: Path) -> int:
    """Take *lane* for this process, created if need be; return what holds it.

    The descriptor holds the lane until it is closed or the process ends. Raises
    ``LaneTakenError`` while another process has it.
    """
    if not lane.is_dir():
        _create(lane)
    # Whoever recovers an abandoned lane owns it for a moment: that is waited out.
    with locked(lane / _RECOVERY_LOCK):
        descriptor = try_lock(lane / _OWNER_LOCK)
    if descriptor is None:
        raise LaneTakenError(f"open lane {lane.name!r}: another process writes it")
    return descriptor


def _create(lane: Path) -> None:
    """Create a lane whole, its counter included, or lose the race to do so."""
    temporary = lane.parent / f".{lane.name}.{secrets.token_hex(8)}"
    make_directory(temporary)
    write_durable(temporary / _NEXT_NUMBER, b"1")
    try:
        temporary.rename(lane)
    except OSError:
        shutil.rmtree(temporary)
        if not lane.is_dir():
            raise
    sync_directory(lane.parent)


def reserve_numbers(lane: Path, count: int) -> int:
    """Return the first of *count* numbers this lane has never used.

    Durable before it returns: the loader would take a second segment of the same
    number for one it has loaded already, and discard it.
    """
    path = lane / _NEXT_NUMBER
    try:
        first = int(path.read_text())
    except (FileNotFoundError, ValueError):
        raise SpoolError(
            f"open lane {lane.name!r}: its counter is missing or unreadable",
            hint="run `millpond batcher drain`, then remove the lane's directory",
        ) from None
    write_durable(path, str(first + count).encode())
    return first


def sealed_segments(lane: Path) -> list[Segment]:
    """Return the sealed segments of *lane*, oldest first, without a gap.

    A directory is not listed at one instant: a segment that is sealed meanwhile may
    show while the one before it does not. Whatever the first listing ends with was
    sealed before the second begins, and so was every one before it.
    """
    seen = list_segments(lane, SEALED_SUFFIX)
    if not seen:
        return []
    newest = seen[-1].number
    unsealed = [each.number for each in list_segments(lane, OPEN_SUFFIX)]
    end = min([newest + 1, *unsealed])
    return [each for each in list_segments(lane, SEALED_SUFFIX) if each.number < end]


def list_segments(lane: Path, suffix: str) -> list[Segment]:
    """Return the segments of *lane* that have *suffix*, oldest first."""
    found = []
    with os.scandir(lane) as entries:
        for entry in entries:
            stem, dot, kind = entry.name.rpartition(".")
            if dot + kind != suffix or not stem.isdecimal():
                continue
            try:
                size = entry.stat().st_size
            except FileNotFoundError:
                continue
            found.append(Segment(lane.name, int(stem), Path(entry.path), size))
    return sorted(found, key=lambda each: each.number)


def recover_abandoned(lane: Path) -> int:
    """Seal what a dead owner left open in *lane*; return how many segments."""
    with locked(lane / _RECOVERY_LOCK), try_locked(lane / _OWNER_LOCK) as ours:
        return recover(lane) if ours else 0


def recover(lane: Path) -> int:
    """Seal the open segments of *lane*, which the caller owns."""
    left = list_segments(lane, OPEN_SUFFIX)
    for each in left:
        _recover(each)
    if left:
        sync_directory(lane)
    return len(left)


def _recover(segment: Segment) -> None:
    """Seal one segment, without the end its owner did not finish.

    Nothing acknowledged is cut: a group is acknowledged only once all of it is on the
    disk. Other damage is left for the loader, which sets it aside with its reason.
    """
    read = read_frames(segment.path.read_bytes())
    if not read.frames and (read.is_torn or not read.damage):
        remove_durable(segment.path)
        return
    if read.is_torn:
        os.truncate(segment.path, read.good_length)
    sync_file(segment.path)
    segment.path.rename(segment.path.with_suffix(SEALED_SUFFIX))
