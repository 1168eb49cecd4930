"""What a spool holds, decoded by the row classes and nothing else."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from batcher.spool.lane_files import OPEN_SUFFIX, SEALED_SUFFIX
from batcher.spool.segment import FrameKind, read_frames
from warehouse.schema import Drop, Event

_SEALED_MEANWHILE = 3


class SpoolContent(NamedTuple):
    """The rows of all segments, open or sealed, in no particular order of lanes."""

    events: list[Event]
    drops: list[Drop]
    payloads: list[bytes]
    is_sealed: bool

    @property
    def paths(self) -> list[str | None]:
        """The paths of the events."""
        return [event.path for event in self.events]


def read_spool(folder: Path) -> SpoolContent:
    """Return what the segments in *folder* hold; a row of another shape fails."""
    for _ in range(_SEALED_MEANWHILE):
        # One that is sealed between listing and reading has another name by then.
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
