"""The periodic work of one worker: seal segments, fetch salts, reload geo, drop caches.

A failure of one step is logged and does not stop the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from batcher.salts.held import Salts
from batcher.spool.lane import Lane
from batcher.spool.quota import SpoolFullError
from config.errors import MillpondError
from config.logs import log_event
from config.throttle import Throttle
from proxy.client.geo import Geo
from proxy.intake.journal import Journal
from proxy.routes.readiness import write_problem
from proxy.worker.spool_health import SpoolHealth
from warehouse.job_states import JobStates

_LOG = logging.getLogger("millpond.proxy")
_TICK_S = 0.25
_REFRESH_INTERVAL_S = 20.0
_PROBE_INTERVAL_S = 1.0
_CACHE_LIFE_S = 3_600.0
_LOG_INTERVAL_S = 20.0


class Upkeep:
    """Runs the periodic steps of one worker, until its task is cancelled."""

    def __init__(
        self,
        *,
        lane: Lane,
        journal: Journal,
        spool_health: SpoolHealth,
        job_states: Callable[[], JobStates],
        salts: Salts,
        zones: Iterable[str],
        geo: Geo,
        clear_caches: Sequence[Callable[[], None]],
        clock: Callable[[], float],
    ) -> None:
        self._lane = lane
        self._journal = journal
        self._spool_health = spool_health
        self._job_states = job_states
        self._salts = salts
        self._zones = set(zones)
        self._geo = geo
        self._last_geo_problem: str | None = None
        self._clear_caches = clear_caches
        self._clock = clock
        self._failures = Throttle(_LOG_INTERVAL_S)
        self._full_spool = Throttle(_LOG_INTERVAL_S)

    async def run(self, monotonic: Callable[[], float]) -> None:
        """Run every step whenever it is due by *monotonic*, in seconds."""
        refresh_at = probe_at = 0.0
        clear_at = monotonic() + _CACHE_LIFE_S
        while True:
            await asyncio.sleep(_TICK_S)
            now = monotonic()
            await self._attempt(self._seal_if_due(now))
            if now >= refresh_at:
                refresh_at = now + _REFRESH_INTERVAL_S
                await self._attempt(self.refresh())
            if now >= probe_at and self._spool_health.needs_probe():
                probe_at = now + _PROBE_INTERVAL_S
                self._log_full_spool()
                await self._journal.run(self._spool_health.probe)
            if now >= clear_at:
                clear_at = now + _CACHE_LIFE_S
                self._clear_all_caches()

    async def refresh(self) -> None:
        """Fetch the salts of the next minutes, and reload a changed geo database."""
        await self.prefetch_salts()
        self._salts.forget_ended(self._clock())
        if await asyncio.to_thread(self._geo.reload_if_changed):
            log_event(_LOG, "geo", database=self._geo.description or "none")
        elif self._geo.problem != self._last_geo_problem:
            reason = self._geo.problem
            log_event(_LOG, "geo_unchanged", level=logging.WARNING, reason=reason)
        self._last_geo_problem = self._geo.problem

    async def prefetch_salts(self) -> None:
        """Fetch the salts that the sites' zones need now and in the next minutes."""
        await asyncio.to_thread(
            lambda: self._salts.prefetch(self._zones, self._clock())
        )

    async def _attempt(self, step: Awaitable[None]) -> None:
        # A full disk or an unreachable Redis must not end the worker: the next turn
        # tries again, and /readyz shows a lasting problem.
        try:
            await step
        except (MillpondError, OSError) as error:
            if count := self._failures.count(self._clock()):
                level = logging.WARNING
                log_event(_LOG, "upkeep_failed", level=level, error=error, count=count)

    async def _seal_if_due(self, now: float) -> None:
        await self._journal.run(partial(self._lane.seal_if_due, now))

    def _log_full_spool(self) -> None:
        """Log why the spool is full, because the batcher's log may be elsewhere."""
        problem = self._journal.problem
        if not isinstance(problem, SpoolFullError):
            return
        now_s = self._clock()
        if count := self._full_spool.count(now_s):
            reason = write_problem(problem, self._job_states(), now_s)
            level = logging.WARNING
            log_event(_LOG, "spool_full", level=level, reason=reason, count=count)

    def _clear_all_caches(self) -> None:
        # Nothing cached by address, User-Agent or URL may live longer than an hour.
        for clear_cache in self._clear_caches:
            clear_cache()
