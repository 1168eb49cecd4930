"""The batcher: builds its jobs from the settings, runs them and shuts down in order."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from batcher.key_records import KeyRecords
from batcher.load.key_index import KeyIndex
from batcher.load.load import load
from batcher.load.load_result import LoadResult
from batcher.salts.destruction import SaltWatch
from batcher.salts.former import FormerStores
from batcher.salts.held import open_store, store_directory, store_place
from batcher.salts.history import destroy_all_abandoned
from batcher.salts.records import (
    destroy_and_record,
    open_records,
    record_abandoned_import,
)
from batcher.schedule.job_worker import Job
from batcher.schedule.scheduler import run_jobs
from batcher.spool.spool import Spool
from config.errors import MillpondError
from config.files import naming_foreign_files, owned_places
from config.logs import log_event
from config.settings import Settings
from config.site_zones import check_zones
from config.throttle import Throttle
from warehouse import build
from warehouse.clock.believed_clock import Clocks
from warehouse.clock.clock_doubt import Believed, ClockDoubt
from warehouse.job_states import job_state_path
from warehouse.lifecycle import compaction, retention
from warehouse.sites.removed import admit_sites
from warehouse.tables import Warehouse

# Together less than the ten seconds after which the supervisor kills the batcher.
_JOB_PATIENCE_S = 5.0
_LAST_LOAD_S = 3.0
_LOG_DOUBT_EVERY_S = 3_600.0

# These jobs destroy data, so they must not act on a wrong clock.
_HELD_OFF_IN_DOUBT = ("destroy_salts", "retain", "compact")

_log = logging.getLogger(__name__)


class Batcher:
    """The jobs of the batcher, and the spool, tables and salts that they work on."""

    def __init__(
        self, settings: Settings, clocks: Clocks, *, trust_clock: bool = False
    ) -> None:
        check_zones(settings)
        self._settings = settings
        self._clocks = clocks
        self._spool_dir = Path(settings.spool.dir)
        self._spool = Spool(self._spool_dir)
        self._warehouse = Warehouse(Path(settings.warehouse.uri))
        admit_sites(self._warehouse.root, [site.id for site in settings.sites])
        self._rules = build.rules_of(settings)
        salt_store = settings.privacy.salt_store
        self._store = open_store(salt_store, self._spool_dir)
        self._store_place = store_place(salt_store, self._spool_dir)
        self._former = FormerStores(
            self._spool_dir, store_directory(salt_store, self._spool_dir)
        )
        self._keys = KeyRecords(
            self._warehouse, self._spool_dir, [site.id for site in settings.sites]
        )
        self._key_index = KeyIndex()
        self._salt_watch = SaltWatch()
        self._doubts = {
            name: Throttle(_LOG_DOUBT_EVERY_S)
            for name in ("start", *_HELD_OFF_IN_DOUBT)
        }
        self._clock = retention.open_clock(self._warehouse, clocks, trusted=trust_clock)
        self._believed("start")
        if self._store.is_volatile() is False:
            log_event(_log, "salts_on_disk", level=logging.WARNING)

    def jobs(self) -> list[Job]:
        """Return the jobs, in order of priority."""
        intervals = self._settings.jobs
        runs = (
            ("load", intervals.load_every_s, self.load),
            ("destroy_salts", intervals.destroy_salts_every_s, self.destroy_salts),
            ("build", intervals.build_every_s, self.build),
            ("retain", intervals.retain_every_s, self.retain),
            ("compact", intervals.compact_every_s, self.compact),
        )
        return [
            Job(name=name, every_s=every_s, run=self._naming_foreign_files(run))
            for name, every_s, run in runs
        ]

    def _naming_foreign_files(
        self, run: Callable[[float], str]
    ) -> Callable[[float], str]:
        """Return *run* with errors that name a file of another user as the cause."""
        places = owned_places(self._settings)

        def naming_run(now_s: float) -> str:
            with naming_foreign_files(places):
                return run(now_s)

        return naming_run

    def run(self, stop: threading.Event) -> bool:
        """Run the jobs until *stop* is set; return False if a job still runs."""
        ended = run_jobs(
            self.jobs(),
            state_path=job_state_path(self._spool_dir),
            clock=self._clocks.wall,
            steady_clock=self._clocks.steady,
            stop=stop,
            patience_s=_JOB_PATIENCE_S,
        )
        return ended and self._load_last()

    def load(self, now_s: float) -> str:
        """Load the sealed segments; raise if drop counts or segments must wait."""
        self._keys.check(now_s)
        result = load(
            self._spool,
            self._warehouse,
            self._settings,
            now_s,
            key_index=self._key_index,
            keys=self._keys,
        )
        return summary(result.check())

    def build(self, _now_s: float) -> str:
        """Update sessions and daily_stats from the events."""
        check_zones(self._settings)
        # The time is recorded with the replaced files, for the vacuum.
        built = build.build(self._warehouse, self._rules, self._clock.look().at_s)
        return f"{built.days} days, {built.sessions} sessions"

    def compact(self, _now_s: float) -> str:
        """Merge small files; remove leftover files unless the clock is in doubt."""
        believed = self._believed("compact")
        merged = compaction.compact_all(
            self._warehouse, believed.at_s, removes_files=believed.doubt is None
        )
        return f"{merged} files merged{_held_off(believed.doubt)}"

    def destroy_salts(self, _now_s: float) -> str:
        """Destroy the salts of ended dates, and the salts of abandoned imports.

        Former stores are searched too. If the clock is in doubt, only salts that are
        certainly over are destroyed.
        """
        believed = self._believed("destroy_salts")
        in_doubt = believed.doubt is not None
        steady_s = self._clocks.steady()
        abandoned = (
            [] if in_doubt else destroy_all_abandoned(self._spool_dir, believed.at_s)
        )
        try:
            destroyed = destroy_and_record(
                self._store,
                self._warehouse,
                believed.at_s,
                believed.at_s,
                place=self._store_place,
                outlived=self._salt_watch.outlived(self._store, steady_s),
                in_doubt=in_doubt,
                destroy_former=lambda: self._former.destroy_due(
                    believed.at_s,
                    steady_s,
                    lambda: open_records(self._warehouse),
                    in_doubt=in_doubt,
                ),
            )
        finally:
            record_abandoned_import(self._warehouse, abandoned, believed.at_s)
        count = len(destroyed) + len(abandoned)
        return f"{count} salts destroyed{_held_off(believed.doubt)}"

    def retain(self, _now_s: float) -> str:
        """Remove days past their retention, unless the clock is in doubt."""
        believed = self._believed("retain")
        if believed.doubt:
            return f"0 days removed{_held_off(believed.doubt)}"
        removed = retention.retain(self._warehouse, self._settings.warehouse, believed)
        return f"{sum(len(table.days) for table in removed)} days removed"

    def _believed(self, job: str) -> Believed:
        """Return the time to act on; sometimes log that the clock is in doubt."""
        believed = self._clock.look()
        doubt = believed.doubt
        if doubt and self._doubts[job].count(self._clocks.steady()):
            log_event(
                _log,
                "clock_not_believed",
                level=logging.WARNING,
                job=job,
                seconds=round(doubt.off_s),
                reason=str(doubt),
            )
        return believed

    def _load_last(self) -> bool:
        """Load the segments that the proxies sealed at their end.

        Returns False if this load takes too long.
        """
        thread = threading.Thread(target=self._try_load, name="last-load", daemon=True)
        thread.start()
        thread.join(_LAST_LOAD_S)
        return not thread.is_alive()

    def _try_load(self) -> None:
        try:
            self.load(self._clocks.wall())
        except (MillpondError, OSError) as error:
            # The segments are durable: they wait in the spool for the next start.
            log_event(_log, "last_load_failed", level=logging.WARNING, error=error)


def _held_off(doubt: ClockDoubt | None) -> str:
    return "; the rest waits, because the clock is not believed" if doubt else ""


def summary(result: LoadResult) -> str:
    """Return one line about a load, for the state of its job."""
    text = f"{result.events} events of {result.segments} segments"
    if result.duplicates:
        text += f", {result.duplicates} duplicates"
    if result.quarantined:
        text += f", {result.quarantined} segments set aside"
    return text


def run(
    settings: Settings,
    stop: threading.Event,
    clocks: Clocks,
    *,
    trust_clock: bool = False,
) -> bool:
    """Run the batcher until *stop* is set; return False if a job still runs then.

    The caller must then end the process, because a native thread cannot be stopped.
    This is safe: every job can be killed at any instruction. With *trust_clock* the
    operator confirms that the clock is right now.
    """
    log_event(_log, "batcher_started")
    batcher = Batcher(settings, clocks, trust_clock=trust_clock)
    ended = batcher.run(stop)
    if ended:
        log_event(_log, "batcher_stopped")
    else:
        log_event(_log, "job_abandoned", level=logging.WARNING)
    return ended
