"""A lane on disk: one process's segments and its lock.

    owner.lock                    held by the process that writes the lane
    recovery.lock                 held by whoever takes the lane, or seals it for a
                                  dead owner
    0000000042-5f…e1.open         being written
    0000000041-5f…e1.segment      sealed: complete, and never changed again

A name is a number, which is only an order, and the incarnation of the writer, so that
two segments of different content never have the same name. Which frames a segment
holds is said by the frames; any other name with one of the two endings is read too.
"""

import contextlib
import os
import re
import secrets
import shutil
from pathlib import Path

import msgspec

from batcher.spool.segment import read_frames
from config.errors import MillpondError, Retryable
from warehouse.durable import make_directory, remove_durable, sync_directory, sync_file
from warehouse.locks import locked, try_lock, try_locked

OPEN_SUFFIX = ".open"
SEALED_SUFFIX = ".segment"
_OWNER_LOCK = "owner.lock"
_RECOVERY_LOCK = "recovery.lock"
_NUMBER_DIGITS = 10
_LANE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_STEM = re.compile(r"(?:^|-)(\d{10})(?:-([0-9a-f]{32}))?(?:-\d+)?$")


class SpoolError(MillpondError):
    """The spool is not what it should be; a person must look."""


class LaneTakenError(Retryable, MillpondError):
    """Another process writes this lane."""


class Segment(msgspec.Struct, frozen=True):
    """One segment file of a lane; *writer* is the incarnation its name tells, or ""."""

    lane: str
    number: int
    writer: str
    path: Path
    size_bytes: int


def is_lane_name(name: str) -> bool:
    """Return whether *name* can be a lane's."""
    return _LANE_NAME.fullmatch(name) is not None


def segment_path(lane: Path, number: int, incarnation: bytes, suffix: str) -> Path:
    """Return where a segment of *lane* is while it has *suffix*."""
    return lane / f"{number:0{_NUMBER_DIGITS}}-{incarnation.hex()}{suffix}"


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


def is_owned_by(lane: Path, descriptor: int) -> bool:
    """Return whether *descriptor* still holds the lane of that name.

    It does not once the directory was removed or replaced: then it holds a lock that
    nobody else looks at.
    """
    try:
        found = (lane / _OWNER_LOCK).stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))


def _create(lane: Path) -> None:
    """Create a lane's directory, or lose the race to do so."""
    temporary = lane.parent / f".{lane.name}.{secrets.token_hex(8)}"
    make_directory(temporary)
    try:
        temporary.rename(lane)
    except OSError:
        shutil.rmtree(temporary)
        if not lane.is_dir():
            raise
    sync_directory(lane.parent)


def next_number(lane: Path) -> int:
    """Return a number above those of all segments present."""
    present = [*list_segments(lane, SEALED_SUFFIX), *list_segments(lane, OPEN_SUFFIX)]
    return max((segment.number for segment in present), default=0) + 1


def sealed_segments(lane: Path) -> list[Segment]:
    """Return the sealed segments of *lane*, each writer's oldest first without a gap.

    A directory is not listed at one instant: a segment that is sealed meanwhile may
    show while the one before it does not. Whatever the first listing ends with was
    sealed before the second begins, and so was every one before it.
    """
    ends = {
        segment.writer: segment.number for segment in list_segments(lane, SEALED_SUFFIX)
    }
    return [
        segment
        for segment in list_segments(lane, SEALED_SUFFIX)
        if segment.number <= ends.get(segment.writer, -1)
    ]


def list_segments(lane: Path, suffix: str) -> list[Segment]:
    """Return the segments of *lane* that have *suffix*, oldest first."""
    found = []
    # A directory removed by hand holds none.
    with contextlib.suppress(FileNotFoundError), os.scandir(lane) as entries:
        for entry in entries:
            if not entry.name.endswith(suffix) or entry.name.startswith("."):
                continue
            if entry.is_dir():
                # The load reports it; it must not stop what is beside it.
                continue
            try:
                size = entry.stat().st_size
            except FileNotFoundError:
                continue
            number, writer = _parsed(entry.name.removesuffix(suffix))
            found.append(Segment(lane.name, number, writer, Path(entry.path), size))
    return sorted(found, key=lambda segment: (segment.number, segment.path.name))


def _parsed(stem: str) -> tuple[int, str]:
    """Return the number and the incarnation a name tells, 0 and "" without."""
    parts = _STEM.search(stem)
    return (int(parts[1]), parts[2] or "") if parts else (0, "")


def recover_abandoned(lane: Path) -> int:
    """Seal what a dead owner left open in *lane*; return how many segments."""
    with locked(lane / _RECOVERY_LOCK), try_locked(lane / _OWNER_LOCK) as ours:
        return recover(lane) if ours else 0


def recover(lane: Path, *, but: Path | None = None) -> int:
    """Seal the open segments of *lane*, which the caller owns, all *but* its own."""
    left = [each for each in list_segments(lane, OPEN_SUFFIX) if each.path != but]
    for segment in left:
        _recover(segment)
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
    segment.path.rename(sealed_path(segment.path))


def sealed_path(open_path: Path) -> Path:
    """Return where the segment at *open_path* is once it is sealed.

    A name that is taken is never given twice: what has it may hold something else.
    """
    path = open_path.with_suffix(SEALED_SUFFIX)
    return unused(path)


def unused(path: Path) -> Path:
    """Return *path*, or one like it if something is there already."""
    found, attempt = path, 1
    while found.exists():
        attempt += 1
        found = path.with_name(f"{path.stem}-{attempt}{path.suffix}")
    return found
