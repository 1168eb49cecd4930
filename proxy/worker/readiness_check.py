"""Checks whether one worker is ready, and collects the problems that /readyz shows."""

from collections.abc import Callable
from pathlib import Path

from batcher.salts.held import Salts
from proxy.client.geo import Geo
from proxy.pipeline.moment import Calendars
from proxy.pipeline.sites import Sites
from proxy.routes.readiness import Readiness, job_problems
from proxy.worker.spool_health import SpoolHealth
from warehouse.clock.believed_clock import Clocks, doubt_of
from warehouse.job_states import JobStates


class ReadinessCheck:
    """Checks spool, salts, jobs, quarantine, geo database and clock."""

    def __init__(
        self,
        *,
        spool_health: SpoolHealth,
        job_states: Callable[[], JobStates],
        salts: Salts,
        sites: Sites,
        calendars: Calendars,
        geo: Geo,
        clock: Callable[[], float],
        warehouse_dir: Path,
    ) -> None:
        self._spool_health = spool_health
        self._job_states = job_states
        self._salts = salts
        self._sites = sites
        self._calendars = calendars
        self._geo = geo
        self._clock = clock
        self._clocks = Clocks.of_machine(clock)
        self._warehouse_dir = warehouse_dir

    def run(self) -> Readiness:
        """Return whether the worker can accept events, and every known problem."""
        states, now_s = self._job_states(), self._clock()
        problems = job_problems(states, now_s)
        spool_problem = self._spool_health.problem(states, now_s)
        has_salts = self._has_salts()
        if spool_problem is not None:
            problems["spool"] = spool_problem
        if not has_salts:
            problems["salts"] = "no salt for today: visitors cannot be hashed"
        if self._spool_health.has_quarantined_segments():
            problems["quarantine"] = (
                "segments are in quarantine; see docs/operations.md"
            )
        if self._spool_health.has_misplaced_files():
            problems["lanes"] = (
                "files are where no load reads them: see `millpond warehouse info`"
            )
        if self._geo.problem is not None:
            problems["geo"] = "the new database cannot be used; see the log"
        if doubt := doubt_of(self._warehouse_dir, self._clocks):
            problems["clock"] = f"{doubt}; {doubt.hint}"
        return Readiness(spool_problem is None and has_salts, problems)

    def _has_salts(self) -> bool:
        """Return whether today's salt of every site is in memory."""
        now_s = self._clock()
        return all(
            self._salts.key_if_live(
                site.zone.key,
                self._calendars.local_days(site.id).day_and_hour(int(now_s))[0],
                site.salt_name,
                now_s,
            )
            for site in self._sites
        )
