"""Segments and lines for tests of the spool: write them, and read them back."""

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
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        """Return the time of the clock in seconds."""
        return self.now_s


def stored_lines(spool: Spool) -> list[bytes]:
    """Return the event lines of all sealed segments, in order."""
    return lines_of(segment.path for segment in spool.sealed())


def lines_of(paths: Iterator[Path]) -> list[bytes]:
    """Return the event lines of segment files, which must be undamaged."""
    lines: list[bytes] = []
    for path in paths:
        content = read_frames(path.read_bytes())
        assert content.damage == []
        for frame in content.frames:
            if frame.kind is FrameKind.EVENTS:
                lines += bytes(frame.payload).split(b"\n")
    return lines


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
    """Leave an open segment in *lane*, like a dead owner."""
    Lane.open(spool, lane, SETTINGS).close()
    path = segment_path(spool.lane_directory(lane), number, writer, ".open")
    path.write_bytes(content)
    return path


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Limit files of this process to *size_bytes* while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def file_names(directory: Path) -> list[str]:
    """Return the sorted names in *directory*."""
    return sorted(os.listdir(directory))  # noqa: PTH208
