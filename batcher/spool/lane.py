"""A lane: the part of the spool that one process writes, group by group."""

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
    """The disk refused a write; no event of the group was acknowledged or stored."""


def open_free_lane(
    spool: Spool, settings: SpoolSettings, *, keys: Mapping[str, str] | None = None
) -> "Lane":
    """Open the first lane that no running process has, so that few names are used."""
    for number in range(_MOST_LANES):
        with contextlib.suppress(LaneTakenError):
            return Lane.open(spool, f"lane-{number:03}", settings, keys=keys)
    raise LaneTakenError(f"open a lane: all {_MOST_LANES} are taken")


class Lane:
    """The part of the spool that one process writes; not thread-safe."""

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
        self._owner_lock = lane_files.lock_lane(self._directory)

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
        """Take the lane called *name*; seal segments that a dead owner left open.

        Raises ``LaneTakenError`` while another process has the lane. *clock* counts the
        same seconds as the argument of ``seal_if_due``. *keys* are the commitments to
        the keys that the rows are hashed with, by site. Each segment names them.
        """
        with contextlib.ExitStack() as undo:
            try:
                lane = cls(spool, name, settings, clock, random_bytes, keys)
                undo.callback(os.close, lane._owner_lock)
                lane._recover()
            except OSError as error:
                raise _open_error(name, error) from None
            undo.pop_all()
        return lane

    @property
    def last(self) -> FrameId:
        """Return the last acknowledged frame; sequence 0 before the first one."""
        return FrameId(self._incarnation, self._sequence)

    def commit(self, events: Sequence[bytes], drops: Sequence[bytes]) -> None:
        """Return once *events* and *drops*, JSON lines, are on the disk together.

        If ``SpoolFullError`` or ``SpoolBrokenError`` is raised, nothing is stored. The
        next call starts a new segment, so the lane works again once the disk does.
        """
        parts = self._frame(FrameKind.EVENTS, events, 1)
        parts += self._frame(FrameKind.DROPS, drops, 2 if parts else 1)
        if not parts:
            return
        size_bytes = sum(map(len, parts))
        try:
            self._quota.check(size_bytes)
            segment = self._writable_segment()
        except OSError as error:
            raise _append_error(error) from None
        try:
            segment.append(parts)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._retire()
            # The failed frames are cut off the file, but a copy of the file may still
            # hold them. So no other frame may ever have their identity.
            self._begin_incarnation()
            raise _append_error(error) from None
        self._sequence += len(parts) // 2
        self._quota.add(size_bytes)
        if segment.length >= self._settings.segment_max_mb * _MEGABYTE:
            # The group is durable even if sealing fails. The next commit retries.
            with contextlib.suppress(OSError):
                self._retire()

    def seal(self) -> None:
        """Make the committed groups ready to load; the next commit opens a segment."""
        try:
            is_sealed = self._retire()
        except OSError as error:
            raise _seal_error(error) from None
        if not is_sealed:
            raise SpoolBrokenError("seal a segment: its file is gone")

    def seal_if_due(self, monotonic_s: float) -> bool:
        """Seal the open segment if it is old enough or a process requested it.

        Returns whether it was sealed.
        """
        try:
            request = self._spool.seal_request()
            is_requested = request != self._request
            if is_requested:
                # Also seal open segments that were restored into this lane.
                own_segment = None if self._segment is None else self._segment.path
                lane_files.recover(self._directory, own_segment=own_segment)
        except OSError as error:
            raise _seal_error(error) from None
        is_old = monotonic_s - self._opened_at_s >= self._settings.segment_max_s
        is_due = self._segment is not None and (is_old or is_requested)
        if is_due:
            self.seal()
        self._request = request
        return is_due

    def close(self) -> None:
        """Seal the open segment, and release the lane for the next process."""
        try:
            self.seal()
        finally:
            if self._segment is not None:
                self._segment.close()
            os.close(self._owner_lock)

    def _begin_incarnation(self) -> None:
        self._incarnation = self._random_bytes(INCARNATION_BYTES)
        self._sequence = self._sequence_before = 0

    def _frame(
        self, kind: FrameKind, lines: Sequence[bytes], ahead: int
    ) -> list[bytes]:
        """Return header and payload of a frame of *lines*, or nothing without lines.

        *ahead* is added to the last sequence to get the sequence of the frame.
        """
        if not lines:
            return []
        payload = b"\n".join(lines)
        frame = FrameId(self._incarnation, self._sequence + ahead)
        return [encode_frame_header(kind, frame, len(lines), payload), payload]

    def _writable_segment(self) -> OpenSegment:
        """Return the open segment; open a new one if there is none."""
        if self._segment is not None and self._segment.must_retire:
            self._retire()
        if self._segment is None:
            self._reacquire_if_lost()
            # The request is read first, so that a later request seals this segment.
            self._request = self._spool.seal_request()
            number = self._number
            # Counted before the segment is opened: if its name is taken, the next
            # attempt uses another name.
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

    def reacquire_if_lost(self) -> None:
        """Take the lane again if its directory was removed or replaced.

        ``commit`` does this before each new segment. A process that receives no events
        can call this method instead. Raises ``SpoolBrokenError`` if it fails.
        """
        try:
            self._reacquire_if_lost()
        except OSError as error:
            raise _open_error(self.name, error) from None

    def _reacquire_if_lost(self) -> None:
        if lane_files.is_locked_by(self._directory, self._owner_lock):
            return
        self._spool.check_present()
        log_event(_LOGGER, "lane_vanished", level=logging.ERROR, lane=self.name)
        owner_lock = lane_files.lock_lane(self._directory)
        os.close(self._owner_lock)
        self._owner_lock = owner_lock
        self._recover()

    def _recover(self) -> None:
        """Seal open segments in the lane; give later segments higher numbers."""
        lane_files.recover(self._directory)
        self._number = max(self._number, lane_files.next_number(self._directory))

    def _retire(self) -> bool:
        """Seal the open segment, if any; return False if its file was removed."""
        if self._segment is None:
            return True
        segment = self._segment
        is_sealed = segment.retire()
        self._segment = None
        if not is_sealed:
            log_event(
                _LOGGER,
                "segment_vanished",
                level=logging.ERROR,
                lane=self.name,
                count=self._sequence - self._sequence_before,
                size_bytes=segment.length,
            )
        return is_sealed


def _open_error(name: str, error: OSError) -> SpoolBrokenError:
    problem = f"open lane {name!r}: {reason(error)}"
    return SpoolBrokenError(problem, hint=remedy(error), file=path_of(error))


def _append_error(error: OSError) -> SpoolBrokenError:
    return SpoolBrokenError(
        f"append to the spool: {reason(error)}",
        hint=remedy(error)
        or "check the disk's free space and health; no event of the group was stored",
        file=path_of(error),
    )


def _seal_error(error: OSError) -> SpoolBrokenError:
    return SpoolBrokenError(
        f"seal a segment: {reason(error)}", hint=remedy(error), file=path_of(error)
    )
