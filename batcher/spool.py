"""The spool: where accepted events wait, durable, until the table has them.

    spool = Spool(Path(settings.spool.dir))
    lane = open_free_lane(spool, settings.spool)     # one per process
    lane.commit(event_lines, drop_lines)             # durable, or raised and undone
    lane.seal_if_due(time.monotonic())               # call about once a second
    lane.close()

Imports no Polars, because the proxy writes here. docs/segment-format.md says what
lies where.
"""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from batcher import lanes
from batcher.durable import (
    create_durable,
    make_directory,
    sync_directory,
    write_durable,
)
from batcher.lanes import (
    OPEN_SUFFIX,
    SEALED_SUFFIX,
    LaneTakenError,
    Segment,
    SpoolError,
    segment_path,
)
from batcher.open_segment import OpenSegment
from batcher.segment import Kind, encode_frame_header
from config.errors import MillpondError, Retryable
from config.files import reason, remedy
from config.settings import SpoolSettings

__all__ = [
    "Lane",
    "LaneTakenError",
    "Segment",
    "Spool",
    "SpoolBrokenError",
    "SpoolError",
    "SpoolFullError",
    "open_free_lane",
]

REASON_SUFFIX = ".reason"
_ID_BYTES = 16
_LEFTOVER_AGE_S = 3_600
_MOST_LANES = 1_000
_MEGABYTE = 1 << 20
# Numbers are reserved this many at a time, to save a segment two fsyncs; a restart
# skips what is left of them.
_NUMBERS_AT_ONCE = 32
_RESCAN_S = 1.0
# A rescan may take this part of the time between two, however many files there are.
_RESCAN_SHARE = 50


class SpoolFullError(Retryable, MillpondError):
    """The spool has reached its size bound; nothing of the group was taken in."""


class SpoolBrokenError(Retryable, MillpondError):
    """The disk refused a write; nothing of the group was acknowledged or stays."""


class Spool:
    """The directory, created on first use; what is in it is read anew each time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lanes = directory / "lanes"
        self._quarantine = directory / "quarantine"
        make_directory(self._lanes)
        make_directory(self._quarantine)
        name = directory / "id"
        if not name.exists():
            create_durable(name, secrets.token_hex(_ID_BYTES).encode())
        self.id = name.read_text()

    @property
    def load_lock(self) -> Path:
        """Return the lock that whoever loads holds."""
        return self.directory / "load.lock"

    @property
    def load_plan(self) -> Path:
        """Return where a load keeps what must outlive its own death."""
        return self.directory / "load-plan.json"

    def lanes(self) -> list[str]:
        """Return the names of the lanes."""
        names = (path.name for path in self._lanes.iterdir())
        return sorted(name for name in names if lanes.is_lane_name(name))

    def lane_directory(self, lane: str) -> Path:
        """Return where *lane* keeps its segments."""
        if not lanes.is_lane_name(lane):
            raise SpoolError(f"open lane {lane!r}: not a lane name")
        return self._lanes / lane

    def transaction_app(self, lane: str) -> str:
        """Return the name under which tables record the segments of *lane*."""
        return f"{self.id}/{lane}"

    def sealed(self) -> list[Segment]:
        """Return the sealed segments of all lanes, each lane's oldest first."""
        found: list[Segment] = []
        for lane in self.lanes():
            found += lanes.sealed_segments(self.lane_directory(lane))
        return found

    def unsealed(self) -> list[Segment]:
        """Return the segments that are being written, or were left by a dead owner."""
        found: list[Segment] = []
        for lane in self.lanes():
            found += lanes.list_segments(self.lane_directory(lane), OPEN_SUFFIX)
        return found

    def recover_lanes(self) -> int:
        """Seal what dead owners left open; return how many segments there were."""
        directories = map(self.lane_directory, self.lanes())
        return sum(map(lanes.recover_abandoned, directories))

    def size_bytes(self) -> int:
        """Return the size of all segments: sealed, open and set aside."""
        folders = [*map(self.lane_directory, self.lanes()), self._quarantine]
        return sum(map(_folder_bytes, folders))

    def remove(self, segments: list[Segment]) -> None:
        """Remove loaded segments, durably."""
        for each in segments:
            each.path.unlink(missing_ok=True)
        for directory in {each.path.parent for each in segments}:
            sync_directory(directory)

    def quarantine(self, segment: Segment, reason: dict[str, object]) -> Path:
        """Set *segment* aside with its *reason* beside it; return where it is."""
        name = f"{segment.lane}-{segment.path.stem}{SEALED_SUFFIX}"
        target = self._quarantine / name
        # The reason first: a crash in between repeats both.
        write_durable(target.with_suffix(REASON_SUFFIX), msgspec.json.encode(reason))
        segment.path.replace(target)
        sync_directory(self._quarantine)
        sync_directory(segment.path.parent)
        return target

    def quarantined(self) -> list[Path]:
        """Return the segments that were set aside."""
        return sorted(self._quarantine.glob(f"*{SEALED_SUFFIX}"))

    def remove_leftovers(self, now_s: float) -> None:
        """Remove files a killed writer had not given their name, after an hour."""
        folders = [self.directory, self._lanes, self._quarantine]
        for folder in [*folders, *map(self.lane_directory, self.lanes())]:
            for path in folder.glob(".*"):
                with contextlib.suppress(FileNotFoundError):
                    if now_s - path.stat().st_mtime < _LEFTOVER_AGE_S:
                        continue
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def request_seal(self) -> None:
        """Ask the owners of all lanes to seal what they have open."""
        token = secrets.token_hex(_ID_BYTES).encode()
        write_durable(self.directory / "seal-request", token)

    def seal_request(self) -> tuple[int, int]:
        """Return a mark that changes with every request to seal."""
        try:
            status = (self.directory / "seal-request").stat()
        except FileNotFoundError:
            return (0, 0)
        return (status.st_ino, status.st_mtime_ns)


def _folder_bytes(folder: Path) -> int:
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            # A segment may be loaded and removed while we look.
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def open_free_lane(spool: Spool, settings: SpoolSettings) -> "Lane":
    """Open the first lane no living process has: few names, used again and again."""
    for number in range(_MOST_LANES):
        with contextlib.suppress(LaneTakenError):
            return Lane.open(spool, f"lane-{number:03}", settings)
    raise LaneTakenError(f"open a lane: all {_MOST_LANES} are taken")


class _Room:
    """How much of the spool's bound is left, counted for all its writers together.

    Others' writes are seen at the next rescan, so the bound can be passed by what
    they write in a second.
    """

    def __init__(
        self, spool: Spool, most_bytes: int, clock: Callable[[], float]
    ) -> None:
        self._spool = spool
        self._most_bytes = most_bytes
        self._clock = clock
        self._used_bytes = 0
        self._rescan_at_s = clock()

    def check(self, size_bytes: int) -> None:
        """Raise ``SpoolFullError`` where *size_bytes* more pass the bound."""
        now_s = self._clock()
        if now_s >= self._rescan_at_s:
            self._used_bytes = self._spool.size_bytes()
            took_s = self._clock() - now_s
            self._rescan_at_s = now_s + max(_RESCAN_S, took_s * _RESCAN_SHARE)
        if self._used_bytes + size_bytes > self._most_bytes:
            raise SpoolFullError(
                f"append to the spool: it is full ({self._most_bytes} bytes)",
                hint="see that the batcher runs; spool.max_bytes is the bound",
            )

    def take(self, size_bytes: int) -> None:
        """Count what was written."""
        self._used_bytes += size_bytes


class Lane:
    """One process's place in the spool; for one thread at a time."""

    def __init__(
        self,
        spool: Spool,
        name: str,
        settings: SpoolSettings,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self._spool = spool
        self._directory = spool.lane_directory(name)
        self._settings = settings
        self._clock = clock
        self._room = _Room(spool, settings.max_bytes, clock)
        self._numbers = range(0)
        self._segment: OpenSegment | None = None
        self._opened_at_s = 0.0
        self._request = (0, 0)
        self._owner = lanes.own(self._directory)

    @classmethod
    def open(
        cls,
        spool: Spool,
        name: str,
        settings: SpoolSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> "Lane":
        """Take the lane called *name*, and seal what a dead owner left open in it.

        Raises ``LaneTakenError`` while another process has it. *clock* counts the
        same seconds as the argument of ``seal_if_due``.
        """
        with contextlib.ExitStack() as undo:
            try:
                lane = cls(spool, name, settings, clock)
                undo.callback(os.close, lane._owner)
                lanes.recover(spool.lane_directory(name))
            except OSError as error:
                problem = f"open lane {name!r}: {reason(error)}"
                raise SpoolBrokenError(problem, hint=remedy(error)) from None
            undo.pop_all()
        return lane

    def commit(self, events: Sequence[bytes], drops: Sequence[bytes]) -> None:
        """Return once *events* and *drops*, JSON lines, are on the disk together.

        Raises ``SpoolFullError`` or ``SpoolBrokenError`` with nothing taken in. The
        next call starts afresh: as soon as the disk works again, so does the lane.
        """
        parts = _frame(Kind.EVENTS, events) + _frame(Kind.DROPS, drops)
        if not parts:
            return
        size = sum(map(len, parts))
        self._room.check(size)
        try:
            segment = self._ready()
            segment.append(parts)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._retire()
            raise SpoolBrokenError(
                f"append to the spool: {reason(error)}",
                hint=remedy(error)
                or "see the disk's free space and health; nothing of it was kept",
            ) from None
        self._room.take(size)
        if segment.length >= self._settings.segment_max_mb * _MEGABYTE:
            # The group is durable, whatever sealing says; the next commit tries again.
            with contextlib.suppress(OSError):
                self._retire()

    def seal(self) -> None:
        """Make what was committed ready to load; the next commit starts another."""
        try:
            self._retire()
        except OSError as error:
            raise SpoolBrokenError(f"seal a segment: {reason(error)}") from None

    def seal_if_due(self, monotonic_s: float) -> bool:
        """Seal the open segment if it is old enough or somebody asked; say if so."""
        if self._segment is None:
            return False
        is_old = monotonic_s - self._opened_at_s >= self._settings.segment_max_s
        if not is_old and self._spool.seal_request() == self._request:
            return False
        self.seal()
        return True

    def close(self) -> None:
        """Seal, and let the next process have the lane."""
        try:
            self.seal()
        finally:
            if self._segment is not None:
                self._segment.close()
            os.close(self._owner)

    def _ready(self) -> OpenSegment:
        """Return a segment that can take a group."""
        if self._segment is not None and self._segment.must_retire:
            self._retire()
        if self._segment is None:
            # The request is read first: one that comes meanwhile seals this segment.
            self._request = self._spool.seal_request()
            path = segment_path(self._directory, self._next_number(), OPEN_SUFFIX)
            self._segment = OpenSegment(path)
            self._opened_at_s = self._clock()
        return self._segment

    def _next_number(self) -> int:
        if not self._numbers:
            first = lanes.reserve_numbers(self._directory, _NUMBERS_AT_ONCE)
            self._numbers = range(first, first + _NUMBERS_AT_ONCE)
        number, self._numbers = self._numbers[0], self._numbers[1:]
        return number

    def _retire(self) -> None:
        if self._segment is not None:
            self._segment.retire()
            self._segment = None


def _frame(kind: Kind, lines: Sequence[bytes]) -> list[bytes]:
    """Return the parts of a frame of *lines*, or none."""
    if not lines:
        return []
    payload = b"\n".join(lines)
    return [encode_frame_header(kind, len(lines), payload), payload]
