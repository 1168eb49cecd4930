"""The batcher: its jobs, built from the settings, run and shut down in order."""

import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

from batcher.clock_guard import ClockGuard
from batcher.import_salts import destroy_abandoned, import_directory
from batcher.job_state import job_state_path
from batcher.key_records import KeyRecords
from batcher.load import Loaded, load
from batcher.salt_records import destroy_and_record, record_abandoned_import
from batcher.salts import open_store
from batcher.scheduler import Clock, Job, run_jobs
from batcher.seen import SeenKeys
from batcher.spool import Spool
from config.errors import MillpondError
from config.logs import say
from config.settings import Settings
from warehouse import jobs, retention, upkeep
from warehouse.tables import Warehouse

# Together below the ten seconds after which the supervisor kills.
_JOB_PATIENCE_S = 5.0
_LAST_LOAD_S = 3.0

_log = logging.getLogger(__name__)


class Batcher:
    """What the jobs work with: the spool, the tables, the salts; and the jobs."""

    def __init__(
        self, settings: Settings, *, clock: Clock, steady_clock: Clock
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._steady_clock = steady_clock
        self._spool_dir = Path(settings.spool.dir)
        self._spool = Spool(self._spool_dir)
        self._warehouse = Warehouse(Path(settings.warehouse.uri))
        self._rules = jobs.rules_of(settings)
        self._store = open_store(settings.privacy.salt_store, self._spool_dir)
        self._keys = KeyRecords(
            self._warehouse, self._spool_dir, [site.id for site in settings.sites]
        )
        self._seen = SeenKeys()
        # Salts and retained days are gone for good: no passing jump may end them.
        self._guard = ClockGuard(clock(), steady_clock())
        if self._store.is_volatile() is False:
            say(_log, "salts_on_disk", level=logging.WARNING)

    def jobs(self) -> list[Job]:
        """Return the jobs, the most urgent first."""
        every = self._settings.jobs
        return [
            Job(name="load", every_s=every.load_every_s, run=self.load),
            Job(
                name="destroy_salts",
                every_s=every.destroy_salts_every_s,
                run=self.destroy_salts,
            ),
            Job(name="build", every_s=every.build_every_s, run=self.build),
            Job(name="retain", every_s=every.retain_every_s, run=self.retain),
            Job(name="compact", every_s=every.compact_every_s, run=self.compact),
        ]

    def run(self, stop: threading.Event) -> bool:
        """Run the jobs until *stop*; False if one had to be abandoned."""
        ended = run_jobs(
            self.jobs(),
            state_path=job_state_path(self._spool_dir),
            clock=self._clock,
            steady_clock=self._steady_clock,
            stop=stop,
            patience_s=_JOB_PATIENCE_S,
        )
        return ended and self._load_last()

    def load(self, now_s: float) -> str:
        """Load what is sealed."""
        self._keys.check(now_s)
        return summary(
            load(self._spool, self._warehouse, self._settings, now_s, seen=self._seen)
        )

    def build(self, now_s: float) -> str:
        """Bring sessions and daily_stats up to the events."""
        built = jobs.build(self._warehouse, self._rules, now_s)
        return f"{built.days} days, {built.sessions} sessions"

    def compact(self, now_s: float) -> str:
        """Merge small files, remove left-over ones."""
        return f"{upkeep.compact_all(self._warehouse, now_s)} files merged"

    def destroy_salts(self, now_s: float) -> str:
        """Destroy the salts of ended dates, and those of abandoned imports."""
        due_s = self._guard.believed(now_s, self._steady_clock())
        destroyed = destroy_and_record(self._store, self._warehouse, due_s, now_s)
        abandoned = destroy_abandoned(import_directory(self._spool_dir), due_s)
        record_abandoned_import(self._warehouse, abandoned, now_s)
        for each in destroyed:
            say(_log, "salt_destroyed", zone=each.zone, day=each.day)
        return f"{len(destroyed) + len(abandoned)} salts destroyed"

    def retain(self, now_s: float) -> str:
        """Remove the days that are past their keep."""
        due_s = self._guard.believed(now_s, self._steady_clock())
        today = datetime.fromtimestamp(due_s, UTC).date()
        removed = retention.retain(
            self._warehouse, self._settings.warehouse, today, now_s
        )
        return f"{sum(len(each.days) for each in removed)} days removed"

    def _load_last(self) -> bool:
        """Load once more what the proxies sealed as they stopped; False if too long."""
        last = threading.Thread(target=self._try_load, name="last-load", daemon=True)
        last.start()
        last.join(_LAST_LOAD_S)
        return not last.is_alive()

    def _try_load(self) -> None:
        try:
            self.load(self._clock())
        except MillpondError as error:
            # It waits in the spool, durable, for the next start.
            say(_log, "last_load_failed", level=logging.WARNING, error=error)


def summary(loaded: Loaded) -> str:
    """Return in a line what a load did."""
    text = f"{loaded.events} events of {loaded.segments} segments"
    if loaded.duplicates:
        text += f", {loaded.duplicates} duplicates"
    if loaded.quarantined:
        text += f", {loaded.quarantined} segments set aside"
    return text


def run(
    settings: Settings, stop: threading.Event, *, clock: Clock, steady_clock: Clock
) -> bool:
    """Run the batcher until *stop* is set; False if a job still runs after its time.

    The caller then ends the process with it: every job can be killed at any
    instruction, and a native thread cannot be stopped.
    """
    say(_log, "batcher_started")
    batcher = Batcher(settings, clock=clock, steady_clock=steady_clock)
    ended = batcher.run(stop)
    if ended:
        say(_log, "batcher_stopped")
    else:
        say(_log, "job_abandoned", level=logging.WARNING)
    return ended
