"""One proxy worker: builds its parts, prepares them, and closes them in order."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from batcher.salts.held import Salts, open_store
from batcher.salts.secret_bytes import fill_random
from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from config.logs import log_event
from config.settings import Settings
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
from proxy.routes.own import OwnRoutes
from proxy.routes.readiness import Readiness
from proxy.routes.tag import tag_script
from proxy.routes.vendors import VendorRoutes
from proxy.tail.tail import Tail, socket_path
from proxy.transport.cors import Cors
from proxy.transport.dispatcher import NO_ROUTES, Dispatcher, Routes
from proxy.user_agent.classifier import Classifier
from proxy.worker.readiness_check import ReadinessCheck
from proxy.worker.spool_health import SpoolHealth
from proxy.worker.upkeep import Upkeep
from warehouse.job_states import JobStates, job_state_path, read_job_states

_LOG = logging.getLogger("millpond.proxy")


class Worker:
    """The parts of one proxy process, which writes *lane* of the spool.

    *more_routes* are tried after its own. *clock* returns Unix time in seconds,
    *monotonic* seconds that never go back.
    """

    def __init__(
        self,
        settings: Settings,
        number: int,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        lane: str | None = None,
        *,
        more_routes: Routes = NO_ROUTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._spool_dir = Path(settings.spool.dir)
        self._spool = Spool(self._spool_dir)
        self._sites = build_sites(settings, os.urandom)
        self._lane = Lane.open(
            self._spool,
            lane or f"worker-{number}",
            settings.spool,
            clock=monotonic,
            keys=self._sites.key_commitments(),
        )
        self._salts = Salts(
            open_store(settings.privacy.salt_store, self._spool_dir), fill_random
        )
        self._clients = ClientSource(settings.proxy)
        self._classifier = Classifier()
        database = settings.privacy.geo_database
        self._geo = Geo(Path(database) if database else None, settings.privacy.geo)
        self._referrers = Referrers()
        self._journal = Journal(
            self._lane, loop, window_s=settings.spool.fsync_window_ms / 1_000
        )
        self._spool_health = SpoolHealth(
            self._spool, self._lane, self._journal, max_bytes=settings.spool.max_bytes
        )
        self._calendars = Calendars({site.id: site.zone for site in self._sites})
        self._tail = Tail(socket_path(self._spool_dir, number))
        self._readiness_check = self._build_readiness_check()
        self.upkeep = self._build_upkeep()
        self.dispatcher = self._build_dispatcher(more_routes)

    def _build_readiness_check(self) -> ReadinessCheck:
        return ReadinessCheck(
            spool_health=self._spool_health,
            job_states=self._job_states,
            salts=self._salts,
            sites=self._sites,
            calendars=self._calendars,
            geo=self._geo,
            clock=self._clock,
            warehouse_dir=Path(self._settings.warehouse.uri),
        )

    def _build_upkeep(self) -> Upkeep:
        caches = (
            self._clients,
            self._classifier,
            self._geo,
            self._referrers,
            self._sites,
        )
        return Upkeep(
            lane=self._lane,
            journal=self._journal,
            spool_health=self._spool_health,
            job_states=self._job_states,
            salts=self._salts,
            zones=(site.zone.key for site in self._sites),
            geo=self._geo,
            clear_caches=[*(cache.forget for cache in caches), forget_names],
            clock=self._clock,
        )

    def _build_dispatcher(self, more_routes: Routes) -> Dispatcher:
        cors = Cors(self._sites)
        self._intake = intake = Intake(
            self._build_anonymizer(),
            self._journal,
            self._clock,
            self._calendars,
            self._tail,
        )
        vendor_routes = VendorRoutes(intake, self._clients, cors, self._settings.proxy)
        own_routes = OwnRoutes(
            self._settings.proxy,
            intake=intake,
            clients=self._clients,
            cors=cors,
            tag=tag_script(self._settings.proxy),
            readiness=self.readiness,
        )
        return Dispatcher(
            own_routes.routes() + vendor_routes.routes(PROTOCOLS) + more_routes,
            cors=cors,
            max_body_bytes=self._settings.proxy.max_body_bytes,
            clock=self._clock,
        )

    def _build_anonymizer(self) -> Anonymizer:
        return Anonymizer(
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

    def _job_states(self) -> JobStates:
        return read_job_states(job_state_path(self._spool_dir))

    def readiness(self) -> Readiness:
        """Return whether this worker can accept events, and every known problem."""
        return self._readiness_check.run()

    async def prepare(self) -> None:
        """Fetch today's salts, open the tail socket, and log the geo database."""
        await self.upkeep.prefetch_salts()
        log_event(_LOG, "geo", database=self._geo.description or "none: no countries")
        await self._open_tail()

    async def _open_tail(self) -> None:
        # A file system without sockets must not stop a worker from accepting events.
        try:
            await self._tail.open()
        except OSError as error:
            log_event(_LOG, "no_tail", level=logging.WARNING, error=error)

    async def run_upkeep(self) -> None:
        """Run the periodic work until this is cancelled."""
        await self.upkeep.run(self._monotonic)

    async def close(self) -> None:
        """Make received events durable, seal the segment, and wipe the salts."""
        try:
            self._intake.close()
            await self._journal.close()
        finally:
            self._salts.close()
            self._tail.close()
