"""A lane on disk: the segments of one process and its lock.

    owner.lock                    held by the process that writes the lane
    recovery.lock                 held by a process that takes the lane, or that seals
                                  segments of a dead owner
    0000000042-5f…e1.open         being written
    0000000041-5f…e1.segment      sealed: complete, and never changed again

A file name consists of a number, which only gives an order, and the incarnation of the
writer. So two segments with different content never have the same name. The frames,
not the name, identify the content: files with other names and one of the two suffixes
are read too.
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
    """The spool is in a wrong state that the operator must repair."""


class LaneTakenError(Retryable, MillpondError):
    """Another process writes this lane."""


class Segment(msgspec.Struct, frozen=True):
    """One segment file of a lane; *writer* is the incarnation in its name, or ""."""

    lane: str
    number: int
    writer: str
    path: Path
    size_bytes: int


def is_lane_name(name: str) -> bool:
    """Return whether *name* is valid for a lane."""
    return _LANE_NAME.fullmatch(name) is not None


def segment_path(lane: Path, number: int, incarnation: bytes, suffix: str) -> Path:
    """Return the path of a segment of *lane* with *suffix*."""
    return lane / f"{number:0{_NUMBER_DIGITS}}-{incarnation.hex()}{suffix}"


def lock_lane(lane: Path) -> int:
    """Lock *lane* for this process, and create it if needed; return the descriptor.

    The lock lasts until the descriptor is closed or the process ends. Raises
    ``LaneTakenError`` while another process has the lane.
    """
    if not lane.is_dir():
        _create(lane)
    # A process that recovers an abandoned lane locks it briefly. Wait for that.
    with locked(lane / _RECOVERY_LOCK):
        descriptor = try_lock(lane / _OWNER_LOCK)
    if descriptor is None:
        raise LaneTakenError(f"open lane {lane.name!r}: another process writes it")
    return descriptor


def is_locked_by(lane: Path, descriptor: int) -> bool:
    """Return whether *descriptor* still locks the directory *lane*.

    If the directory was removed or replaced, *descriptor* locks a file that no other
    process looks at.
    """
    try:
        lock_file = (lane / _OWNER_LOCK).stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(lock_file, os.fstat(descriptor))


def _create(lane: Path) -> None:
    """Create a lane's directory, unless another process creates it first."""
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
    """Return a number above the numbers of all segments in *lane*."""
    segments = [*list_segments(lane, SEALED_SUFFIX), *list_segments(lane, OPEN_SUFFIX)]
    return max((segment.number for segment in segments), default=0) + 1


def sealed_segments(lane: Path) -> list[Segment]:
    """Return the sealed segments of *lane*, oldest first, without gaps per writer.

    Listing a directory is not atomic: a segment that is sealed meanwhile may be listed
    while an earlier one is not. So the directory is listed twice. The last segment of
    the first listing, and all segments before it, were sealed before the second one.
    """
    last_numbers = {
        segment.writer: segment.number for segment in list_segments(lane, SEALED_SUFFIX)
    }
    return [
        segment
        for segment in list_segments(lane, SEALED_SUFFIX)
        if segment.number <= last_numbers.get(segment.writer, -1)
    ]


def list_segments(lane: Path, suffix: str) -> list[Segment]:
    """Return the segments of *lane* with *suffix*, oldest first."""
    segments = []
    # A lane whose directory was removed has no segments.
    with contextlib.suppress(FileNotFoundError), os.scandir(lane) as entries:
        for entry in entries:
            if not entry.name.endswith(suffix) or entry.name.startswith("."):
                continue
            if entry.is_dir():
                # The load reports this directory. The other segments are still loaded.
                continue
            try:
                size_bytes = entry.stat().st_size
            except FileNotFoundError:
                continue
            number, writer = _parse_stem(entry.name.removesuffix(suffix))
            path = Path(entry.path)
            segments.append(Segment(lane.name, number, writer, path, size_bytes))
    return sorted(segments, key=lambda segment: (segment.number, segment.path.name))


def _parse_stem(stem: str) -> tuple[int, str]:
    """Return number and incarnation in a file name; 0 or "" if they are missing."""
    parts = _STEM.search(stem)
    return (int(parts[1]), parts[2] or "") if parts else (0, "")


def recover_abandoned(lane: Path) -> int:
    """Seal the segments that a dead owner left open; return the number of segments."""
    with locked(lane / _RECOVERY_LOCK), try_locked(lane / _OWNER_LOCK) as is_locked:
        return recover(lane) if is_locked else 0


def recover(lane: Path, *, own_segment: Path | None = None) -> int:
    """Seal the open segments of *lane*, except the caller's *own_segment*.

    The caller holds the lock of *lane*. Returns the number of segments.
    """
    segments = [
        segment
        for segment in list_segments(lane, OPEN_SUFFIX)
        if segment.path != own_segment
    ]
    for segment in segments:
        _recover(segment)
    if segments:
        sync_directory(lane)
    return len(segments)


def _recover(segment: Segment) -> None:
    """Seal one segment, without the unfinished write at its end.

    Only unacknowledged bytes are cut, because a group is acknowledged only once all of
    it is on the disk. Other damage stays: the load sets the segment aside with a
    reason.
    """
    content = read_frames(segment.path.read_bytes())
    if not content.frames and (content.is_torn or not content.damage):
        remove_durable(segment.path)
        return
    if content.is_torn:
        os.truncate(segment.path, content.good_length)
    sync_file(segment.path)
    segment.path.rename(sealed_path(segment.path))


def sealed_path(open_path: Path) -> Path:
    """Return the path for the segment at *open_path* once it is sealed.

    An existing file is never replaced, because its content may be different.
    """
    path = open_path.with_suffix(SEALED_SUFFIX)
    return unused_path(path)


def unused_path(path: Path) -> Path:
    """Return *path*, or *path* with a number in its name if *path* exists."""
    candidate, attempt = path, 1
    while candidate.exists():
        attempt += 1
        candidate = path.with_name(f"{path.stem}-{attempt}{path.suffix}")
    return candidate
