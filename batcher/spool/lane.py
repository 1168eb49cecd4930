"""A lane: one process's place in the spool, which it writes group by group."""

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence

from batcher.spool import lane_files
from batcher.spool.lane_files import OPEN_SUFFIX, LaneTakenError, segment_path
from batcher.spool.open_segment import OpenSegment
from batcher.spool.quota import SpoolQuota
from batcher.spool.segment import (
    INCARNATION_BYTES,
    FrameId,
    FrameKind,
    encode_frame_header,
    encode_header,
    encode_keys,
)
from batcher.spool.spool import Spool
from config.errors import MillpondError, Retryable
from config.files import path_of, reason, remedy
from config.logs import log_event
from config.settings import SpoolSettings

_LOGGER = logging.getLogger(__name__)
_MOST_LANES = 1_000
_MEGABYTE = 1 << 20


class SpoolBrokenError(Retryable, MillpondError):
    """The disk refused a write; nothing of the group was acknowledged or stays."""


def open_free_lane(
    spool: Spool, settings: SpoolSettings, *, keys: Mapping[str, str] | None = None
) -> "Lane":
    """Open the first lane no living process has: few names, used again and again."""
    for number in range(_MOST_LANES):
        with contextlib.suppress(LaneTakenError):
            return Lane.open(spool, f"lane-{number:03}", settings, keys=keys)
    raise LaneTakenError(f"open a lane: all {_MOST_LANES} are taken")


class Lane:
    """One process's place in the spool; for one thread at a time."""

    def __init__(
        self,
        spool: Spool,
        name: str,
        settings: SpoolSettings,
        clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._spool = spool
        self._directory = spool.lane_directory(name)
        self._settings = settings
        self._clock = clock
        self._random_bytes = random_bytes
        self._keys = keys
        self._quota = SpoolQuota(spool.size_bytes, settings.max_bytes, clock)
        self._segment: OpenSegment | None = None
        self._opened_at_s = 0.0
        self._request = (0, 0)
        self._number = 1
        self._begin_incarnation()
        self._owner = lane_files.own(self._directory)

    @classmethod
    def open(
        cls,
        spool: Spool,
        name: str,
        settings: SpoolSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        keys: Mapping[str, str] | None = None,
    ) -> "Lane":
        """Take the lane called *name*, and seal what a dead owner left open in it.

        Raises ``LaneTakenError`` while another process has it. *clock* counts the
        same seconds as the argument of ``seal_if_due``. *keys* are the commitments
        to the keys that the rows are hashed with, by site; each segment names them.
        """
        with contextlib.ExitStack() as undo:
            try:
                lane = cls(spool, name, settings, clock, random_bytes, keys)
                undo.callback(os.close, lane._owner)
                lane._take_over()
            except OSError as error:
                problem = f"open lane {name!r}: {reason(error)}"
                raise SpoolBrokenError(
                    problem, hint=remedy(error), file=path_of(error)
                ) from None
            undo.pop_all()
        return lane

    @property
    def last(self) -> FrameId:
        """Return the frame that was acknowledged last, sequence 0 before the first."""
        return FrameId(self._incarnation, self._sequence)

    def commit(self, events: Sequence[bytes], drops: Sequence[bytes]) -> None:
        """Return once *events* and *drops*, JSON lines, are on the disk together.

        Raises ``SpoolFullError`` or ``SpoolBrokenError`` with nothing taken in. The
        next call starts afresh: as soon as the disk works again, so does the lane.
        """
        parts = self._framed(FrameKind.EVENTS, events, 1)
        parts += self._framed(FrameKind.DROPS, drops, 2 if parts else 1)
        if not parts:
            return
        size = sum(map(len, parts))
        try:
            self._quota.check(size)
            segment = self._ready()
        except OSError as error:
            raise _refused(error) from None
        try:
            segment.append(parts)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._retire()
            # A copy of the file may hold what is cut off it: its identity must never
            # be given to anything else.
            self._begin_incarnation()
            raise _refused(error) from None
        self._sequence += len(parts) // 2
        self._quota.take(size)
        if segment.length >= self._settings.segment_max_mb * _MEGABYTE:
            # The group is durable, whatever sealing says; the next commit tries again.
            with contextlib.suppress(OSError):
                self._retire()

    def seal(self) -> None:
        """Make what was committed ready to load; the next commit starts another."""
        try:
            is_kept = self._retire()
        except OSError as error:
            raise _unsealed(error) from None
        if not is_kept:
            raise SpoolBrokenError("seal a segment: its file is gone")

    def seal_if_due(self, monotonic_s: float) -> bool:
        """Seal the open segment if it is old enough or somebody asked; say if so."""
        try:
            request = self._spool.seal_request()
            is_asked = request != self._request
            if is_asked:
                # What was restored or left here is sealed as well.
                own = None if self._segment is None else self._segment.path
                lane_files.recover(self._directory, but=own)
        except OSError as error:
            raise _unsealed(error) from None
        is_old = monotonic_s - self._opened_at_s >= self._settings.segment_max_s
        is_due = self._segment is not None and (is_old or is_asked)
        if is_due:
            self.seal()
        self._request = request
        return is_due

    def close(self) -> None:
        """Seal, and let the next process have the lane."""
        try:
            self.seal()
        finally:
            if self._segment is not None:
                self._segment.close()
            os.close(self._owner)

    def _begin_incarnation(self) -> None:
        self._incarnation = self._random_bytes(INCARNATION_BYTES)
        self._sequence = self._sequence_before = 0

    def _framed(
        self, kind: FrameKind, lines: Sequence[bytes], ahead: int
    ) -> list[bytes]:
        """Return the parts of a frame of *lines*, or none."""
        if not lines:
            return []
        payload = b"\n".join(lines)
        frame = FrameId(self._incarnation, self._sequence + ahead)
        return [encode_frame_header(kind, frame, len(lines), payload), payload]

    def _ready(self) -> OpenSegment:
        """Return a segment that can take a group."""
        if self._segment is not None and self._segment.must_retire:
            self._retire()
        if self._segment is None:
            self._keep_owning()
            # The request is read first: one that comes meanwhile seals this segment.
            self._request = self._spool.seal_request()
            number = self._number
            # Also after a failure: a name that is taken must not be tried for ever.
            self._number += 1
            self._segment = OpenSegment(
                segment_path(self._directory, number, self._incarnation, OPEN_SUFFIX),
                self._header(),
            )
            self._opened_at_s = self._clock()
            self._sequence_before = self._sequence
        return self._segment

    def _header(self) -> bytes:
        if self._keys is None:
            return encode_header()
        return encode_header() + encode_keys(self._incarnation, self._keys)

    def keep_owning(self) -> None:
        """Take the lane again if its directory was removed or replaced.

        A writer does so by itself before each segment; one that gets no events may
        call it. Raises ``SpoolBrokenError`` where that cannot be done.
        """
        try:
            self._keep_owning()
        except OSError as error:
            problem = f"open lane {self.name!r}: {reason(error)}"
            raise SpoolBrokenError(
                problem, hint=remedy(error), file=path_of(error)
            ) from None

    def _keep_owning(self) -> None:
        if lane_files.is_owned_by(self._directory, self._owner):
            return
        self._spool.check_present()
        log_event(_LOGGER, "lane_vanished", level=logging.ERROR, lane=self.name)
        owner = lane_files.own(self._directory)
        os.close(self._owner)
        self._owner = owner
        self._take_over()

    def _take_over(self) -> None:
        """Seal what is open in the lane, and number what follows above it."""
        lane_files.recover(self._directory)
        self._number = max(self._number, lane_files.next_number(self._directory))

    def _retire(self) -> bool:
        """Seal the open segment, if any; False where its file was taken away."""
        if self._segment is None:
            return True
        segment = self._segment
        is_kept = segment.retire()
        self._segment = None
        if not is_kept:
            log_event(
                _LOGGER,
                "segment_vanished",
                level=logging.ERROR,
                lane=self.name,
                count=self._sequence - self._sequence_before,
                size_bytes=segment.length,
            )
        return is_kept


def _refused(error: OSError) -> SpoolBrokenError:
    return SpoolBrokenError(
        f"append to the spool: {reason(error)}",
        hint=remedy(error)
        or "see the disk's free space and health; nothing of it was kept",
        file=path_of(error),
    )


def _unsealed(error: OSError) -> SpoolBrokenError:
    return SpoolBrokenError(
        f"seal a segment: {reason(error)}", hint=remedy(error), file=path_of(error)
    )
