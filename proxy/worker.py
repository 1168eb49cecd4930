"""One proxy worker: its parts put together, kept fresh, and taken apart in order."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from aiohttp import web
from batcher.spool.quota import SpoolFullError

from batcher.salts.held import Salts, open_store
from batcher.salts.secret_bytes import fill_random
from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.spool import Spool, is_writable
from batcher.supervisor.port import PortError, SharedPortError
from config.errors import MillpondError
from config.logs import log_event
from config.settings import ProxySettings, Settings
from config.throttle import Throttle
from proxy.client.client import ClientSource
from proxy.client.geo import Geo
from proxy.intake.intake import Intake
from proxy.intake.journal import Journal
from proxy.page.referrer import Referrers
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.event_name import forget_names
from proxy.pipeline.moment import Calendars
from proxy.pipeline.sites import build_sites
from proxy.protocols.registry import PROTOCOLS
from proxy.routes.own import OwnRoutes, Readiness
from proxy.routes.readiness import job_problems, write_problem
from proxy.routes.tag import tag_script
from proxy.routes.vendors import VendorRoutes
from proxy.tail.tail import Tail, socket_path
from proxy.transport.cors import Cors
from proxy.transport.dispatcher import NO_ROUTES, Dispatcher, Routes
from proxy.transport.server import PatientHandler, SilentServer
from proxy.user_agent.classifier import Classifier
from warehouse.clock.believed_clock import Clocks, doubt_of
from warehouse.job_states import JobStates, job_state_path, read_job_states

_LOG = logging.getLogger("millpond.proxy")
_TICK_S = 0.25
_REFRESH_S = 20.0
_PROBE_S = 1.0
_FORGET_S = 3_600.0
_SAY_EVERY_S = 20.0
# Less than a supervisor waits: connections that hang do not make it kill us.
_DRAIN_S = 3.0


class Worker:
    """What one process of the proxy is made of; *more_routes* come after its own."""

    def __init__(
        self,
        settings: Settings,
        number: int,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        more_routes: Routes = NO_ROUTES,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._clocks = Clocks.of_machine(clock)
        spool_dir = Path(settings.spool.dir)
        self._spool = Spool(spool_dir)
        self._sites = build_sites(settings, os.urandom)
        self._lane = Lane.open(
            self._spool,
            f"worker-{number}",
            settings.spool,
            keys=self._sites.key_commitments(),
        )
        self._salts = Salts(
            open_store(settings.privacy.salt_store, spool_dir), fill_random
        )
        self._clients = ClientSource(settings.proxy)
        self._classifier = Classifier()
        database = settings.privacy.geo_database
        self._geo = Geo(Path(database) if database else None, settings.privacy.geo)
        self._geo_problem: str | None = None
        self._troubles = Throttle(_SAY_EVERY_S)
        self._full = Throttle(_SAY_EVERY_S)
        self._referrers = Referrers()
        self._journal = Journal(
            self._lane, loop, window_s=settings.spool.fsync_window_ms / 1_000
        )
        self._calendars = Calendars({site.id: site.zone for site in self._sites})
        self._tail = Tail(socket_path(spool_dir, number))
        self.dispatcher = self._build_dispatcher(more_routes)

    def _build_dispatcher(self, more_routes: Routes) -> Dispatcher:
        anonymizer = Anonymizer(
            self._settings.privacy,
            sites=self._sites,
            clients=self._clients,
            classifier=self._classifier,
            geo=self._geo,
            referrers=self._referrers,
            salts=self._salts,
            calendars=self._calendars,
            random_bytes=os.urandom,
        )
        cors = Cors(self._sites)
        intake = Intake(
            anonymizer, self._journal, self._clock, self._calendars, self._tail
        )
        vendors = VendorRoutes(intake, self._clients, cors, self._settings.proxy)
        handlers = OwnRoutes(
            self._settings.proxy,
            intake=intake,
            clients=self._clients,
            cors=cors,
            tag=tag_script(self._settings.proxy),
            readiness=self.readiness,
        )
        return Dispatcher(
            handlers.routes() + vendors.routes(PROTOCOLS) + more_routes,
            cors=cors,
            most_body_bytes=self._settings.proxy.max_body_bytes,
            clock=self._clock,
        )

    def readiness(self) -> Readiness:
        """Return whether this worker can take events, and all that is not right."""
        states, now_s = self._job_states(), self._clock()
        problems = job_problems(states, now_s)
        spool_problem = self._spool_problem(states, now_s)
        ready = spool_problem is None and self._has_salts()
        if spool_problem is not None:
            problems["spool"] = spool_problem
        if not self._has_salts():
            problems["salts"] = "no salt for today: visitors cannot be hashed"
        if self._has_quarantined():
            problems["quarantine"] = "segments were set aside; see docs/operations.md"
        if self._spool.misplaced():
            problems["lanes"] = (
                "files are where no load reads them: see `millpond warehouse info`"
            )
        if self._geo.problem is not None:
            problems["geo"] = "the new database cannot be used; see the log"
        if doubt := doubt_of(Path(self._settings.warehouse.uri), self._clocks):
            problems["clock"] = f"{doubt}; {doubt.hint}"
        return Readiness(ready, problems)

    def _spool_problem(self, states: JobStates, now_s: float) -> str | None:
        if not self._journal.healthy:
            return write_problem(self._journal.problem, states, now_s)
        if self._journal.is_stuck:
            return "the disk does not answer"
        return None if self._has_lane() else "the lane's directory cannot be used"

    def _has_lane(self) -> bool:
        directory = self._spool.lane_directory(self._lane.name)
        return os.access(directory, os.R_OK | os.W_OK | os.X_OK)

    def _has_quarantined(self) -> bool:
        # Without a descriptor to look, what is wrong with the spool says enough.
        with contextlib.suppress(OSError):
            return bool(self._spool.quarantine.entries())
        return False

    def _has_salts(self) -> bool:
        now_s = self._clock()
        return all(
            self._salts.key_if_live(
                site.zone.key,
                self._calendars.of(site.id).of(int(now_s))[0],
                site.id,
                now_s,
            )
            for site in self._sites
        )

    async def prepare(self) -> None:
        """Fetch today's salts and say what this worker works with."""
        await asyncio.to_thread(self._prefetch_salts)
        log_event(_LOG, "geo", database=self._geo.description or "none: no countries")
        await self._open_tail()

    async def _open_tail(self) -> None:
        # A file system without sockets is no reason to take in no events.
        try:
            await self._tail.open()
        except OSError as error:
            log_event(_LOG, "no_tail", level=logging.WARNING, error=error)

    async def stay_fresh(self) -> None:
        """Seal old segments, fetch and forget salts, reload geo: until cancelled."""
        refresh_at = probe_at = forget_at = 0.0
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            await self._attempt(self._seal_if_due(now))
            if now >= refresh_at:
                refresh_at = now + _REFRESH_S
                await self._attempt(self.refresh())
            if now >= probe_at and not (self._journal.healthy and self._has_lane()):
                probe_at = now + _PROBE_S
                self._say_if_full()
                await self._journal.run(self._probe)
            if now >= forget_at:
                forget_at = now + _FORGET_S
                self._forget()

    async def _attempt(self, upkeep: Awaitable[None]) -> None:
        # A full disk or an absent Redis is no reason to stop; the next turn tries
        # again, and /readyz shows what lasts.
        try:
            await upkeep
        except (MillpondError, OSError) as error:
            if count := self._troubles.count(self._clock()):
                level = logging.WARNING
                log_event(_LOG, "upkeep_failed", level=level, error=error, count=count)

    async def _seal_if_due(self, now: float) -> None:
        await self._journal.run(partial(self._lane.seal_if_due, now))

    def _say_if_full(self) -> None:
        """Say why the spool is full, now and then; the batcher logs elsewhere."""
        problem = self._journal.problem
        if not isinstance(problem, SpoolFullError):
            return
        now_s = self._clock()
        if count := self._full.count(now_s):
            reason = write_problem(problem, self._job_states(), now_s)
            level = logging.WARNING
            log_event(_LOG, "spool_full", level=level, reason=reason, count=count)

    def _job_states(self) -> JobStates:
        return read_job_states(job_state_path(Path(self._settings.spool.dir)))

    def _probe(self) -> None:
        # A worker that is not ready may be sent no events, and so would never learn
        # that the disk works again.
        with contextlib.suppress(SpoolBrokenError):
            self._lane.keep_owning()
        most_bytes = self._settings.spool.max_bytes
        if self._has_lane() and is_writable(self._spool, most_bytes):
            self._journal.healthy = True
            log_event(_LOG, "spool_recovered")

    async def refresh(self) -> None:
        """Fetch the salts of the next minutes, and a geo database that has changed."""
        await asyncio.to_thread(self._prefetch_salts)
        self._salts.forget_ended(self._clock())
        if await asyncio.to_thread(self._geo.reload_if_changed):
            log_event(_LOG, "geo", database=self._geo.description or "none")
        elif self._geo.problem != self._geo_problem:
            reason = self._geo.problem
            log_event(_LOG, "geo_unchanged", level=logging.WARNING, reason=reason)
        self._geo_problem = self._geo.problem

    def _prefetch_salts(self) -> None:
        zones = {site.zone.key for site in self._sites}
        self._salts.prefetch(zones, self._clock())

    def _forget(self) -> None:
        # What is cached by address, User-Agent or URL does not outlive the hour.
        for cache in (
            self._clients,
            self._classifier,
            self._geo,
            self._referrers,
            self._sites,
        ):
            cache.forget()
        forget_names()

    async def close(self) -> None:
        """Make durable what was received, seal it, and wipe the salts."""
        try:
            await self._journal.close()
        finally:
            self._salts.close()
            self._tail.close()


async def serve(
    worker: Worker, settings: Settings, stop: asyncio.Event, *, shared: bool = False
) -> None:
    """Serve until *stop*; then finish what was begun, in order.

    The port is this worker's alone unless *shared*: then its supervisor holds it.
    """
    try:
        await worker.prepare()
        await _serve(worker, settings, stop, shared=shared)
    finally:
        await worker.close()


async def _serve(
    worker: Worker, settings: Settings, stop: asyncio.Event, *, shared: bool
) -> None:
    proxy = settings.proxy
    server = SilentServer(
        PatientHandler(worker.dispatcher, proxy.request_timeout_s),
        dispatcher=worker.dispatcher,
        timeout_s=proxy.request_timeout_s,
        keepalive_s=proxy.keepalive_s,
        most_connections=proxy.max_connections,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_DRAIN_S)
    await runner.setup()
    try:
        site = web.TCPSite(
            runner, proxy.host, proxy.port, reuse_port=shared, backlog=1_024
        )
        await _listen(site, proxy, SharedPortError if shared else PortError)
        log_event(_LOG, "listening", host=proxy.host, port=proxy.port)
        upkeep = asyncio.create_task(worker.stay_fresh())
        upkeep.add_done_callback(lambda _: stop.set())
        await stop.wait()
        await site.stop()
        upkeep.cancel()
    finally:
        await runner.cleanup()
    # What ended upkeep by itself ends the worker, with its reason.
    with contextlib.suppress(asyncio.CancelledError):
        await upkeep


async def _listen(
    site: web.TCPSite, proxy: ProxySettings, refused: type[PortError]
) -> None:
    try:
        await site.start()
    except OSError as error:
        raise refused("proxy", proxy.host, proxy.port, error) from None
