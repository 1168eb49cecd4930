"""Reads the rows of a spool with the row classes only."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from batcher.spool.lane_files import OPEN_SUFFIX, SEALED_SUFFIX
from batcher.spool.segment import FrameKind, read_frames
from warehouse.schema import Drop, Event

_SEALED_MEANWHILE = 3


class SpoolContent(NamedTuple):
    """The rows of all open and sealed segments, in any order of lanes."""

    events: list[Event]
    drops: list[Drop]
    payloads: list[bytes]
    is_sealed: bool

    @property
    def paths(self) -> list[str | None]:
        """The paths of the events."""
        return [event.path for event in self.events]


def read_spool(folder: Path) -> SpoolContent:
    """Return the rows of the segments in *folder*; a row of another shape fails."""
    for _ in range(_SEALED_MEANWHILE):
        # A segment that is sealed between listing and reading has a new name.
        with suppress(FileNotFoundError):
            return _read_spool(folder)
    return _read_spool(folder)


def _read_spool(folder: Path) -> SpoolContent:
    lanes = sorted((folder / "lanes").iterdir())
    files = [file for lane in lanes for file in sorted(lane.iterdir())]
    segments = [file for file in files if file.suffix in (OPEN_SUFFIX, SEALED_SUFFIX)]
    content = SpoolContent(
        [], [], [], all(file.suffix == SEALED_SUFFIX for file in segments)
    )
    for segment in segments:
        for frame in read_frames(segment.read_bytes()).frames:
            payload = bytes(frame.payload)
            lines = payload.split(b"\n")
            assert len(lines) == frame.rows
            if frame.kind is FrameKind.EVENTS:
                content.events.extend(
                    msgspec.json.decode(line, type=Event) for line in lines
                )
                content.payloads.append(payload)
            else:
                content.drops.extend(
                    msgspec.json.decode(line, type=Drop) for line in lines
                )
    return content
