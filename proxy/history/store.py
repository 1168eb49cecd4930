"""From an import's groups to figures: spool, tables, record of the salts.

Other processes may load and build meanwhile; what they do of our work is done.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import polars as pl
from batcher.spool.quota import SpoolFullError

from batcher.key_records import KeyRecords
from batcher.load.key_index import KeyIndex
from batcher.load.load import LoadBusyError, load
from batcher.load.loaded import OtherKeyError
from batcher.load.missing_frames import is_recorded
from batcher.salts.directory import DirectorySalts
from batcher.salts.history import ImportSalts, import_directory
from batcher.salts.records import CREATED, DESTROYED
from batcher.spool.lane import Lane
from batcher.spool.segment import FrameId, read_frames
from batcher.spool.spool import Spool
from config.errors import MillpondError, Retryable
from config.settings import Settings
from proxy.history.importer import PROTOCOL
from proxy.history.progress import ImportProgress
from proxy.pipeline.drops import DropReason
from warehouse import build
from warehouse.clock.believed_clock import Clocks
from warehouse.lifecycle import ledger
from warehouse.lifecycle.retention import open_clock
from warehouse.schema import DROPS, EVENTS, LEDGER
from warehouse.tables import Warehouse

LANE = "import"
_SUBJECT = "import"
_MEGABYTE = 1 << 20
_LARGEST_GROUP_BYTES = 4 * _MEGABYTE
_LOAD_BYTES = 64 * _MEGABYTE
_PATIENCE_S = 300.0
_POLL_S = 0.1

Clock = Callable[[], float]


class StillBusyError(Retryable, MillpondError):
    """Somebody else loads, builds or fills the spool for longer than we wait."""


class ImportStore:
    """The import's lane of the spool, and the tables behind it."""

    def __init__(
        self,
        settings: Settings,
        *,
        keys: Mapping[str, str],
        clock: Clock,
        monotonic: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._spool = Spool(Path(settings.spool.dir))
        self._warehouse = Warehouse(Path(settings.warehouse.uri))
        # Before anything is loaded: events of a wrong clock are no evidence for it.
        self._believed = open_clock(self._warehouse, Clocks.of_machine(clock)).look()
        self._lane = Lane.open(
            self._spool, LANE, settings.spool, clock=monotonic, keys=keys
        )
        self._keys = KeyRecords(
            self._warehouse, self._spool.directory, [site.id for site in settings.sites]
        )
        self._seen = KeyIndex()
        self._waiting_bytes = 0
        # What the last load had to leave.
        self.problems: list[MillpondError] = []

    @property
    def is_clock_doubted(self) -> bool:
        """Say whether the clock cannot tell what is old."""
        return self._believed.doubt is not None

    @property
    def group_bytes(self) -> int:
        """Return how large a group may become: it must fit a segment and the spool."""
        spool = self._settings.spool
        segment = spool.segment_max_mb * _MEGABYTE
        return min(_LARGEST_GROUP_BYTES, segment // 2, spool.max_bytes // 8)

    def next_frame(self, events: list[bytes], drops: list[bytes]) -> FrameId | None:
        """Return the last frame that ``put`` will write of a group, None of nothing."""
        last = self._lane.last
        frames = bool(events) + bool(drops)
        return FrameId(last.incarnation, last.sequence + frames) if frames else None

    def is_durable(self, frame: FrameId) -> bool:
        """Return whether *frame* is in the spool, set aside, or in a table."""
        # The spool first: what is loaded meanwhile is then found in the table.
        if any(frame in ids for ids in self._spooled(frame.incarnation.hex())):
            return True
        events = self._warehouse.view(EVENTS)
        return is_recorded(events, frame.incarnation.hex(), frame.sequence)

    def _spooled(self, incarnation: str) -> Iterator[set[FrameId]]:
        """Yield the frames of each segment that *incarnation* wrote."""
        sealed = [segment.path for segment in self._spool.sealed()]
        for path in [*sealed, *self._spool.quarantined()]:
            if incarnation not in path.name:
                continue
            # Another process may load it meanwhile.
            with contextlib.suppress(FileNotFoundError):
                yield {frame.id for frame in read_frames(path.read_bytes()).frames}

    def put(self, events: list[bytes], drops: list[bytes]) -> None:
        """Make a group durable as a segment of its own."""
        if not events and not drops:
            return
        size = sum(map(len, events)) + sum(map(len, drops))
        half = self._settings.spool.max_bytes // 2
        if self._waiting_bytes + size > min(_LOAD_BYTES, half):
            self._try_to_load()
        self._retry(lambda: self._lane.commit(events, drops), self._try_to_load)
        self._waiting_bytes += size
        self._lane.seal()

    def load(self) -> None:
        """Bring everything in the spool to the tables."""
        self._retry(self._load, lambda: None)

    def build(self) -> None:
        """Bring sessions and daily_stats up to the events."""
        rules = build.rules_of(self._settings)
        self._retry(
            lambda: build.build(self._warehouse, rules, self._clock()), lambda: None
        )

    def duplicates(self, site_id: str) -> int:
        """Return how many duplicates of the site's imported lines are on record."""
        view = self._warehouse.view(DROPS)
        found = view.collect(
            view.scan(columns=["site", "reason", "protocol", "count"])
            .filter(
                (pl.col("site") == site_id)
                & (pl.col("protocol") == PROTOCOL)
                & (pl.col("reason") == DropReason.DUPLICATE)
            )
            .select(pl.col("count").sum())
        )
        return int(found.item())

    def destroy(self, salts: ImportSalts, progress: ImportProgress) -> None:
        """Destroy the salts of a finished import, and see that it is on record, once.

        Whoever resumes after a crash in here finds the markers in the progress.
        """
        markers = progress.state.markers
        stored = DirectorySalts(import_directory(self._spool.directory)).live()
        markers += [each.marker for each in stored if each.marker not in markers]
        progress.save()
        self._record(CREATED, markers, {})
        salts.destroy()
        self._record(DESTROYED, markers, {"how": "destroyed"})

    def close(self) -> None:
        """Let the next import have the lane."""
        self._lane.close()

    def _record(self, kind: str, markers: list[str], facts: dict[str, str]) -> None:
        new = sorted(set(markers) - self._recorded(kind))
        if new:
            entry = ledger.NewEntry(kind, _SUBJECT, {**facts, "markers": new})
            ledger.append(self._warehouse, [entry], self._clock())

    def _recorded(self, kind: str) -> set[str]:
        """Return the markers of imports that have an entry of *kind*."""
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
            seen=self._seen,
            keys=self._keys,
        )
        self._waiting_bytes = 0
        self.problems = (
            [OtherKeyError(loaded.other_key, loaded.other_sites)]
            if loaded.other_key
            else []
        )

    def _try_to_load(self) -> None:
        try:
            self._load()
        except LoadBusyError:
            self._waiting_bytes = 0  # somebody else is at it

    def _retry(
        self, call: Callable[[], object], meanwhile: Callable[[], object]
    ) -> None:
        """Call until nobody is in the way; *meanwhile* is done before each wait."""
        deadline_s = self._monotonic() + _PATIENCE_S
        while True:
            try:
                call()
            except (LoadBusyError, build.BuildBusyError, SpoolFullError) as error:
                if self._monotonic() >= deadline_s:
                    raise StillBusyError(
                        f"import: waited {_PATIENCE_S:.0f} s in vain: {error.message}",
                        hint="start the same command again later: it goes on",
                    ) from None
                meanwhile()
                self._sleep(_POLL_S)
            else:
                return
