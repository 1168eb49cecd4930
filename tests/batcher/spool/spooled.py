"""What tests put into a spool, and what they find in one."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batcher.spool.lane import Lane
from batcher.spool.lane_files import segment_path
from batcher.spool.segment import (
    FrameId,
    FrameKind,
    encode_header,
    read_frames,
)
from batcher.spool.spool import Spool
from config.settings import SpoolSettings
from tests.batcher.spool.frames import encode_frame

SETTINGS = SpoolSettings(segment_max_s=10)
WRITER = bytes(range(16))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        """Return the seconds it shows."""
        return self.now_s


def stored_lines(spool: Spool) -> list[bytes]:
    """Return the event lines of all sealed segments, in order."""
    return lines_of(each.path for each in spool.sealed())


def lines_of(paths: Iterator[Path]) -> list[bytes]:
    """Return the event lines of segment files that must be sound."""
    found: list[bytes] = []
    for path in paths:
        read = read_frames(path.read_bytes())
        assert read.damage == []
        for frame in read.frames:
            if frame.kind is FrameKind.EVENTS:
                found += bytes(frame.payload).split(b"\n")
    return found


def segment_of(*groups: list[bytes], writer: bytes = WRITER, first: int = 1) -> bytes:
    """Return a segment with one frame of events for each group."""
    frames = [
        encode_frame(
            FrameKind.EVENTS, FrameId(writer, sequence), len(group), b"\n".join(group)
        )
        for sequence, group in enumerate(groups, first)
    ]
    return encode_header() + b"".join(frames)


def leave_open(
    spool: Spool, lane: str, number: int, content: bytes, writer: bytes = WRITER
) -> Path:
    """Leave an open segment in *lane*, as its dead owner did."""
    Lane.open(spool, lane, SETTINGS).close()
    path = segment_path(spool.lane_directory(lane), number, writer, ".open")
    path.write_bytes(content)
    return path


@contextmanager
def smallest_disk(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow past *size_bytes* while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(directory: Path) -> list[str]:
    """Return the names in *directory*, sorted."""
    return sorted(os.listdir(directory))  # noqa: PTH208
