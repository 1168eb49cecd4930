"""One batch of segments into the tables, exactly once, even after a crash.

A batch goes through these steps. Each step is durable before the next begins:

1. Write a plan beside the spool: the frames and segments of the batch, and its drop
   counts. The counts include duplicates, because a second search would find others.
2. Commit the events. The commit records the frames, and the frames missing between
   them.
3. Note the missing frames in the quarantine directory, for the operator.
4. Commit the drop counts. This commit records the same frames.
5. Remove the segments in the plan, then the plan. Set the other segments aside.

After a crash the next load reads the plan. If the events of the plan are in the table,
that load finishes the plan, else it removes the plan. Only segments that a plan names
are removed.
"""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl

from batcher.load.chosen_frames import ChosenFrames, choose_frames
from batcher.load.drop_counts import DropCounts, report_damaged_plan
from batcher.load.key_index import KeyIndex
from batcher.load.load_plan import (
    RANDOM_BITS,
    LoadPlan,
    PlannedSegment,
    next_token,
    planned_segments,
)
from batcher.load.load_result import LoadResult
from batcher.load.missing_frames import FrameRecord, MissingFrames
from batcher.load.read_segments import SegmentContent
from batcher.load.row_accounting import AccountedRows, account_rows
from batcher.load.segment_quarantine import set_segments_aside
from batcher.spool.spool import Spool
from config.logs import log_event
from config.settings import Settings
from warehouse.checked_file import DamagedFileError, read_checked, write_checked
from warehouse.durable import remove_durable
from warehouse.sites.removed import removed_sites
from warehouse.sites.zones import note_zones, read_zones
from warehouse.tables import AlreadyCommittedError, ConflictError, StoredTable

_LOGGER = logging.getLogger(__name__)
_MOST_ATTEMPTS = 10


class BatchLoader:
    """Loads the batches of one call of ``load``, which holds the spool's lock."""

    def __init__(
        self,
        spool: Spool,
        events: StoredTable,
        drops: DropCounts,
        settings: Settings,
        key_index: KeyIndex,
        random_bits: Callable[[int], int],
    ) -> None:
        self._spool = spool
        self._events = events
        self._drops = drops
        self._settings = settings
        self._key_index = key_index
        self._random_bits = random_bits
        self._root = events.path.parent
        self._missing = MissingFrames(spool.quarantine)

    def finish_plan(self) -> LoadResult:
        """Finish the plan of a load that crashed after its events, or remove the plan.

        Returns what the crashed load could not report.
        """
        path = self._spool.load_plan
        try:
            plan = read_checked(path, LoadPlan)
        except FileNotFoundError:
            return LoadResult()
        except DamagedFileError as error:
            report_damaged_plan(self._spool, path, error)
            return LoadResult()
        if not plan.is_committed(self._events):
            remove_durable(path)
            return LoadResult()
        unchanged = [
            segment for segment in plan.segments if segment.is_at(self._path(segment))
        ]
        self._finish(plan, unchanged)
        return LoadResult(missing=plan.entry.missing_count)

    def load(self, contents: list[SegmentContent], now_s: float) -> LoadResult:
        """Load *contents* in one commit; set aside the segments that stay."""
        chosen, new_events = self._store(contents)
        aside = set_segments_aside(self._spool.quarantine, contents, chosen, now_s)
        result = LoadResult(
            events=new_events.height,
            duplicates=chosen.batch.events.height - new_events.height,
            dropped=int(chosen.batch.drops["count"].sum()),
            missing=chosen.record.missing_count,
            segments=len(chosen.segments),
            quarantined=aside,
            size_bytes=sum(segment.size_bytes for segment in chosen.segments),
            days=frozenset(new_events["day"].unique()),
        )
        log_event(
            _LOGGER,
            "segments_loaded",
            segments=result.segments,
            events=result.events,
            drops=result.dropped + result.duplicates,
            size_bytes=result.size_bytes,
        )
        return result

    def _store(
        self, contents: list[SegmentContent]
    ) -> tuple[ChosenFrames, pl.DataFrame]:
        """Commit the frames that the table does not have.

        Returns these frames, and their events that are new.
        """
        chosen = choose_frames(contents, self._events)
        for _ in range(_MOST_ATTEMPTS):
            if not chosen.record.transactions:
                remove_durable(self._spool.load_plan)
                return chosen, chosen.batch.events.clear()
            rows, plan = self._plan(contents, chosen)
            self._note_zones(rows.events)
            write_checked(self._spool.load_plan, plan)
            try:
                self._events.append(
                    rows.events, transactions=plan.transactions, touched=rows.touched
                )
            except (AlreadyCommittedError, ConflictError):
                # A load of another spool committed. That spool may hold copies of
                # these segments.
                self._events.refresh()
                chosen = choose_frames(contents, self._events, chosen)
            else:
                self._finish(plan, plan.segments)
                return chosen, rows.events
        remove_durable(self._spool.load_plan)
        raise ConflictError("load the spool: the events table changes too often")

    def _plan(
        self, contents: list[SegmentContent], chosen: ChosenFrames
    ) -> tuple[AccountedRows, LoadPlan]:
        """Return the rows to store, and the plan that stores them."""
        rows = account_rows(
            chosen.batch,
            self._events,
            self._key_index,
            self._settings,
            removed_sites(self._root),
            read_zones(self._root).refiled_from,
        )
        sound = [content for content in contents if chosen.is_loaded_whole(content)]
        token = next_token(self._events.version, self._random_bits(RANDOM_BITS))
        return rows, LoadPlan(token, chosen.record, planned_segments(sound), rows.drops)

    def _note_zones(self, events: pl.DataFrame) -> None:
        """Record the time zones of the days, before the days are stored."""
        stored = set(events["site"].unique())
        sites = [site for site in self._settings.sites if site.id in stored]
        note_zones(self._root, sites)

    def _finish(self, plan: LoadPlan, segments: Iterable[PlannedSegment]) -> None:
        """Do the steps after the commit of the events; they can be repeated."""
        self._missing.note(plan.entry)
        _log_missing(plan.entry)
        is_counted = self._drops.commit(plan)
        self._spool.remove(map(self._path, segments))
        if is_counted:
            remove_durable(self._spool.load_plan)
        else:
            self._drops.set_waiting(self._spool.load_plan)

    def _path(self, segment: PlannedSegment) -> Path:
        return self._spool.folder(segment.lane) / segment.name


def _log_missing(record: FrameRecord) -> None:
    for incarnation, spans in record.missing.items():
        log_event(
            _LOGGER,
            "frames_missing",
            level=logging.ERROR,
            count=sum(map(len, spans)),
            incarnation=incarnation,
        )
