"""Stores an import's groups: through the spool to the tables, and salts in the ledger.

Other processes may load and build in the meantime, and may do part of this work.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path

import polars as pl

from batcher.drain import seal_open_segments
from batcher.key_records import KeyRecords
from batcher.load.key_index import KeyIndex
from batcher.load.load import LoadBusyError, load
from batcher.load.missing_frames import is_recorded
from batcher.salts.directory import DirectorySalts
from batcher.salts.history import ImportSalts, import_directory
from batcher.salts.records import CREATED, DESTROYED
from batcher.spool.lane import Lane
from batcher.spool.quota import SpoolFullError
from batcher.spool.segment import FrameId, read_frames
from batcher.spool.spool import Spool
from config.errors import MillpondError, Retryable
from config.settings import Settings
from config.site_zones import check_zones
from proxy.history.importer import PROTOCOL
from proxy.history.measured_days import measured_days
from proxy.history.progress import ImportProgress
from proxy.pipeline.drops import DropReason
from warehouse import build
from warehouse.clock.believed_clock import Clocks
from warehouse.lifecycle import ledger
from warehouse.lifecycle.retention import open_clock
from warehouse.schema import DROPS, EVENTS, LEDGER
from warehouse.sites.removed import admit_sites
from warehouse.tables import Warehouse

LANE = "import"
_SUBJECT = "import"
_MEGABYTE = 1 << 20
_LARGEST_GROUP_BYTES = 4 * _MEGABYTE
_LOAD_BYTES = 64 * _MEGABYTE
_TIMEOUT_S = 300.0
_POLL_S = 0.1

Clock = Callable[[], float]


class StillBusyError(Retryable, MillpondError):
    """Another process loads, builds or fills the spool for longer than the timeout."""


class ImportStore:
    """The import's lane of the spool, and the warehouse's tables."""

    def __init__(
        self,
        settings: Settings,
        *,
        keys: Mapping[str, str],
        clock: Clock,
        monotonic: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        check_zones(settings)
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._spool = Spool(Path(settings.spool.dir))
        self._warehouse = Warehouse(Path(settings.warehouse.uri))
        admit_sites(self._warehouse.root, [site.id for site in settings.sites])
        # Checked before anything is loaded: the check uses the times of stored events,
        # and events from a wrong clock would confirm that clock.
        self._believed = open_clock(self._warehouse, Clocks.of_machine(clock)).look()
        self._lane = Lane.open(
            self._spool, LANE, settings.spool, clock=monotonic, keys=keys
        )
        self._keys = KeyRecords(
            self._warehouse, self._spool.directory, [site.id for site in settings.sites]
        )
        self._key_index = KeyIndex()
        self._waiting_bytes = 0
        # What the last load had to leave.
        self.problems: list[MillpondError] = []

    @property
    def is_clock_doubted(self) -> bool:
        """Whether the clock is too doubtful to decide what is old."""
        return self._believed.doubt is not None

    @property
    def group_bytes(self) -> int:
        """The size at which a group is complete: it fits a segment and the spool."""
        spool = self._settings.spool
        segment = spool.segment_max_mb * _MEGABYTE
        return min(_LARGEST_GROUP_BYTES, segment // 2, spool.max_bytes // 8)

    def next_frame(self, events: list[bytes], drops: list[bytes]) -> FrameId | None:
        """Return the last frame ``put`` will write for a group, None if it is empty."""
        last = self._lane.last
        frame_count = bool(events) + bool(drops)
        if not frame_count:
            return None
        return FrameId(last.incarnation, last.sequence + frame_count)

    def is_durable(self, frame: FrameId) -> bool:
        """Whether *frame* is in the spool, in quarantine, or in a table."""
        # The spool first: a frame that is loaded in the meantime is then in the table.
        if any(frame in ids for ids in self._spooled_frames(frame.incarnation.hex())):
            return True
        events = self._warehouse.view(EVENTS)
        return is_recorded(events, frame.incarnation.hex(), frame.sequence)

    def _spooled_frames(self, incarnation: str) -> Iterator[set[FrameId]]:
        """Yield the frames of each segment that *incarnation* wrote."""
        sealed = [segment.path for segment in self._spool.sealed()]
        for path in [*sealed, *self._spool.quarantined()]:
            if incarnation not in path.name:
                continue
            # Another process may load and remove the segment in the meantime.
            with contextlib.suppress(FileNotFoundError):
                yield {frame.id for frame in read_frames(path.read_bytes()).frames}

    def put(self, events: list[bytes], drops: list[bytes]) -> None:
        """Make a group durable as a segment of its own."""
        if not events and not drops:
            return
        group_bytes = sum(map(len, events)) + sum(map(len, drops))
        half_spool_bytes = self._settings.spool.max_bytes // 2
        if self._waiting_bytes + group_bytes > min(_LOAD_BYTES, half_spool_bytes):
            self._try_to_load()
        self._retry(lambda: self._lane.commit(events, drops), self._try_to_load)
        self._waiting_bytes += group_bytes
        self._lane.seal()

    def load_acknowledged(self) -> None:
        """Load everything, also what running proxies have in open segments."""
        deadline_s = self._monotonic() + _TIMEOUT_S

        def wait(problem: str, hint: str) -> None:
            if self._monotonic() >= deadline_s:
                raise StillBusyError(f"import: {problem}", hint=hint)
            self._sleep(_POLL_S)

        seal_open_segments(self._spool, wait)
        self.load()

    def load(self) -> None:
        """Load everything in the sealed segments into the tables."""
        self._retry(self._load, lambda: None)

    def build(self) -> None:
        """Update sessions and daily_stats from the events."""
        rules = build.rules_of(self._settings)
        self._retry(
            lambda: build.build(self._warehouse, rules, self._clock()), lambda: None
        )

    def measured_days(self, site_id: str) -> dict[date, int]:
        """Return the days on which the site itself reported page views, with counts."""
        return measured_days(self._spool, self._warehouse, site_id)

    def duplicates(self, site_id: str) -> int:
        """Return the recorded number of duplicates among the site's imported lines."""
        view = self._warehouse.view(DROPS)
        total = view.collect(
            view.scan(columns=["site", "reason", "protocol", "count"])
            .filter(
                (pl.col("site") == site_id)
                & (pl.col("protocol") == PROTOCOL)
                & (pl.col("reason") == DropReason.DUPLICATE)
            )
            .select(pl.col("count").sum())
        )
        return int(total.item())

    def destroy(self, salts: ImportSalts, progress: ImportProgress) -> None:
        """Destroy the salts of a finished import, and record this once in the ledger.

        The progress holds the salts' markers, so that an import that continues after a
        crash in this method can complete the record.
        """
        markers = progress.state.markers
        live = DirectorySalts(import_directory(self._spool.directory)).live()
        markers += [salt.marker for salt in live if salt.marker not in markers]
        progress.save()
        self._record(CREATED, markers, {})
        salts.destroy()
        self._record(DESTROYED, markers, {"how": "destroyed"})

    def close(self) -> None:
        """Release the lane for the next import."""
        self._lane.close()

    def _record(self, kind: str, markers: list[str], facts: dict[str, str]) -> None:
        new = sorted(set(markers) - self._recorded_markers(kind))
        if new:
            entry = ledger.NewEntry(kind, _SUBJECT, {**facts, "markers": new})
            ledger.append(self._warehouse, [entry], self._clock())

    def _recorded_markers(self, kind: str) -> set[str]:
        """Return the markers in the ledger's import entries of *kind*."""
        view = self._warehouse.view(LEDGER)
        entries = view.collect(
            view.scan(columns=["kind", "subject", "detail"]).filter(
                (pl.col("kind") == kind) & (pl.col("subject") == _SUBJECT)
            )
        )
        return {
            marker
            for detail in entries["detail"]
            for marker in json.loads(detail)["markers"]
        }

    def _load(self) -> None:
        self._keys.check(self._clock())
        loaded = load(
            self._spool,
            self._warehouse,
            self._settings,
            self._clock(),
            key_index=self._key_index,
            keys=self._keys,
        )
        self._waiting_bytes = 0
        self.problems = [loaded.other_key_error()] if loaded.other_key else []

    def _try_to_load(self) -> None:
        try:
            self._load()
        except LoadBusyError:
            self._waiting_bytes = 0  # another process loads our segments too

    def _retry(
        self, call: Callable[[], object], meanwhile: Callable[[], object]
    ) -> None:
        """Repeat *call* while another process is busy; call *meanwhile* in between."""
        deadline_s = self._monotonic() + _TIMEOUT_S
        while True:
            try:
                call()
            except (LoadBusyError, build.BuildBusyError, SpoolFullError) as error:
                if self._monotonic() >= deadline_s:
                    raise StillBusyError(
                        f"import: still busy after {_TIMEOUT_S:.0f} s: {error.message}",
                        hint="start the same command again later: it continues",
                    ) from None
                meanwhile()
                self._sleep(_POLL_S)
            else:
                return
