"""Whether a worker can write to its lane, and the probe after a failed write."""

import contextlib
import logging
import os

from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.spool import Spool, is_writable
from config.logs import log_event
from proxy.intake.journal import Journal
from proxy.routes.readiness import write_problem
from warehouse.job_states import JobStates

_LOG = logging.getLogger("millpond.proxy")


class SpoolHealth:
    """The state of one worker's lane, from its last write and from its directory."""

    def __init__(
        self, spool: Spool, lane: Lane, journal: Journal, *, max_bytes: int
    ) -> None:
        self._spool = spool
        self._lane = lane
        self._journal = journal
        self._max_bytes = max_bytes

    def problem(self, states: JobStates, now_s: float) -> str | None:
        """Return why the worker cannot write, None if it can."""
        if not self._journal.is_healthy:
            return write_problem(self._journal.problem, states, now_s)
        if self._journal.is_stuck:
            return "the disk does not respond"
        return None if self._has_lane() else "the lane's directory cannot be used"

    def needs_probe(self) -> bool:
        """Return whether the last write failed, or the lane's directory is gone."""
        return not (self._journal.is_healthy and self._has_lane())

    def has_quarantined_segments(self) -> bool:
        """Return whether the quarantine holds segments."""
        # Without a free descriptor the spool has a problem of its own, which says more.
        with contextlib.suppress(OSError):
            return bool(self._spool.quarantine.entries())
        return False

    def has_misplaced_files(self) -> bool:
        """Return whether the spool holds files that no load reads."""
        return bool(self._spool.misplaced())

    def probe(self) -> None:
        """Mark the journal as healthy if the spool is writable again.

        A load balancer may send no events to a worker that is not ready. Without the
        probe such a worker would never find out that the disk works again.
        """
        with contextlib.suppress(SpoolBrokenError):
            self._lane.reacquire_if_lost()
        if self._has_lane() and is_writable(self._spool, self._max_bytes):
            self._journal.is_healthy = True
            log_event(_LOG, "spool_recovered")

    def _has_lane(self) -> bool:
        directory = self._spool.lane_directory(self._lane.name)
        return os.access(directory, os.R_OK | os.W_OK | os.X_OK)
