"""Sealed segments into the events table, exactly once, whatever dies in between.

A batch goes through these steps, each durable before the next:

1. a plan beside the spool: the frames and segments it takes, and the drop counts they
   amount to, duplicates included, because a second look would find other duplicates;
2. one commit of the events, which records the frames, and those missing between them;
3. a note of these for people;
4. one commit of the drop counts, which records the same frames;
5. the segments of the plan are removed, and others set aside; then the plan.

Whoever comes after a crash reads the plan: if its events are in the table it is
finished, else it is forgotten. Nothing is removed that no plan names.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl

from batcher.load.drop_counts import DropCounts, report_damaged_plan
from batcher.load.duplicates import duplicate_drops, split_duplicates, sum_drops
from batcher.load.key_index import KeyIndex
from batcher.load.keys import Keys
from batcher.load.late_orders import with_order_days
from batcher.load.load_plan import (
    RANDOM_BITS,
    LoadPlan,
    PlannedSegment,
    next_token,
    planned,
    spans_by_incarnation,
)
from batcher.load.loaded import LoadResult
from batcher.load.missing_frames import FrameRecord, MissingFrames
from batcher.load.read_segments import (
    Batch,
    SegmentContent,
    SegmentLoss,
    read_contents,
    read_rows,
)
from batcher.load.refunds import with_amounts
from batcher.load.selection import FrameSelection, select
from batcher.spool.lane import SpoolBrokenError
from batcher.spool.lane_files import Segment
from batcher.spool.spool import Spool
from config.errors import Busy, MillpondError
from config.files import path_of, reason, remedy
from config.logs import log_event
from config.settings import Settings
from warehouse.checked_file import DamagedFileError, read_checked, write_checked
from warehouse.durable import remove_durable
from warehouse.locks import try_locked
from warehouse.register import bind, check_bound
from warehouse.schema import EVENTS, Drop
from warehouse.tables import AlreadyCommittedError, ConflictError, Warehouse

_LOGGER = logging.getLogger(__name__)
# About 100,000 events: enough to make the fixed costs of a commit small.
BATCH_BYTES = 32 << 20
_MOST_ATTEMPTS = 10
_ALREADY_LOADED = "already_loaded"


class LoadBusyError(Busy, MillpondError):
    """Another process is loading this spool."""


class RowsLostError(MillpondError):
    """The rows to store are not those that were read; nothing was committed."""


def load(
    spool: Spool,
    warehouse: Warehouse,
    settings: Settings,
    now_s: float,
    *,
    seen: KeyIndex | None = None,
    keys: Keys | None = None,
    batch_bytes: int = BATCH_BYTES,
    random_bits: Callable[[int], int] = secrets.randbits,
) -> LoadResult:
    """Load all sealed segments, and those dead owners left open.

    Raises ``LoadBusyError`` while another process loads the same spool. Keep *seen*
    from one call to the next: it spares reading the ids of a large table again.
    Segments that *keys* refuses stay where they are.
    """
    with try_locked(spool.load_lock) as ours:
        if not ours:
            raise LoadBusyError("load the spool: another process is at it")
        # An empty mount point is not the warehouse whose disk is away.
        check_bound(warehouse.root, spool.directory)
        try:
            run = _Load(
                spool, warehouse, settings, now_s, seen or KeyIndex(), keys, random_bits
            )
            bind(warehouse.root, spool.directory)
            return run.all(batch_bytes)
        except OSError as error:
            raise SpoolBrokenError(
                f"load the spool: {reason(error)}",
                hint=remedy(error)
                or "see the disk's free space and health; the load starts over",
                file=path_of(error),
            ) from None


class _ChosenFrames(msgspec.Struct, frozen=True):
    """The frames to load, their rows, and what to record of them."""

    selection: FrameSelection
    batch: Batch
    entry: FrameRecord
    segments: frozenset[Segment]

    def takes_all_of(self, content: SegmentContent) -> bool:
        """Return whether *content* is sound, and this load or another has all of it."""
        lost = content.losses or content.segment in self.batch.losses
        return content.segment in self.segments and not lost


class _Load:
    """One call of ``load``, under the lock."""

    def __init__(
        self,
        spool: Spool,
        warehouse: Warehouse,
        settings: Settings,
        now_s: float,
        seen: KeyIndex,
        keys: Keys | None,
        random_bits: Callable[[int], int],
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._now_s = now_s
        self._seen = seen
        self._keys = keys
        self._random_bits = random_bits
        self._missing = MissingFrames(spool.quarantine)
        # Opening makes durable what a dead loader may have left merely visible.
        self._events = warehouse.open(EVENTS)
        self._drops = DropCounts(spool, warehouse)

    def all(self, batch_bytes: int) -> LoadResult:
        self._drops.finish_waiting()
        total = self._finish_plan()
        self._spool.remove_leftovers(self._now_s)
        self._spool.recover_lanes()
        self._report_misplaced()
        for segments in _batches(self._spool.sealed(), batch_bytes):
            total += self._load_known(read_contents(segments))
        if total.other_key:
            log_event(
                _LOGGER,
                "segments_of_other_key",
                level=logging.ERROR,
                segments=total.other_key,
                sites=",".join(sorted(total.other_sites)),
                file=str(total.other_path),
            )
        self._spool.remove_lone_reasons()
        quarantined = len(self._spool.quarantined())
        return msgspec.structs.replace(
            total,
            waiting=len(self._drops.waiting()),
            missing_earlier=max(0, self._missing.count() - total.missing),
            quarantined_earlier=max(0, quarantined - total.quarantined),
        )

    def _load_known(self, contents: list[SegmentContent]) -> LoadResult:
        """Load *contents* but those of another key, which stay where they are."""
        refused = {
            content.segment: sites
            for content in contents
            if (sites := self._refused(content)) is not None
        }
        known = [each for each in contents if each.segment not in refused]
        loaded = self._load(known) if known else LoadResult()
        other_sites = frozenset[str]().union(*refused.values())
        first = next(iter(refused)).path if refused else None
        return loaded + LoadResult(
            other_key=len(refused), other_sites=other_sites, other_path=first
        )

    def _refused(self, content: SegmentContent) -> frozenset[str] | None:
        if self._keys is None:
            return None
        refused = self._keys.refused(content, self._now_s)
        if refused is None:
            return None
        # What the table has already cannot count again: it is set aside as such.
        [group] = select([content], self._events).groups
        return refused if group.frames else None

    def _report_misplaced(self) -> None:
        for each in self._spool.misplaced():
            log_event(
                _LOGGER,
                "misplaced_in_spool",
                level=logging.ERROR,
                reason=each.fault,
                file=str(each.path),
            )

    def _finish_plan(self) -> LoadResult:
        """Finish the plan of a load that died after its events, or forget it.

        Returns what that load could not report.
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
        self._finish(plan, [each for each in plan.segments if self._is_there(each)])
        return LoadResult(missing=plan.entry.missing_count)

    def _is_there(self, segment: PlannedSegment) -> bool:
        return segment.is_at(self._path(segment))

    def _path(self, segment: PlannedSegment) -> Path:
        return self._spool.folder(segment.lane) / segment.name

    def _finish(self, plan: LoadPlan, segments: Iterable[PlannedSegment]) -> None:
        """Do what is left once the events of *plan* are in the table; repeatable."""
        self._missing.note(plan.entry)
        for incarnation, spans in plan.entry.missing.items():
            log_event(
                _LOGGER,
                "frames_missing",
                level=logging.ERROR,
                count=sum(map(len, spans)),
                incarnation=incarnation,
            )
        is_counted = self._drops.commit(plan)
        self._spool.remove(map(self._path, segments))
        if is_counted:
            remove_durable(self._spool.load_plan)
        else:
            self._drops.set_waiting(self._spool.load_plan)

    def _load(self, contents: list[SegmentContent]) -> LoadResult:
        chosen, first = self._store(contents)
        taken = chosen.segments
        return self._said(
            LoadResult(
                events=first.height,
                duplicates=chosen.batch.events.height - first.height,
                dropped=int(chosen.batch.drops["count"].sum()),
                missing=chosen.entry.missing_count,
                segments=len(taken),
                quarantined=self._set_aside(contents, chosen),
                size_bytes=sum(each.size_bytes for each in taken),
                days=frozenset(first["day"].unique()),
            )
        )

    def _store(
        self, contents: list[SegmentContent]
    ) -> tuple[_ChosenFrames, pl.DataFrame]:
        """Commit what the table does not have; return it, and what of it is new."""
        chosen = self._choose(contents, None)
        for _ in range(_MOST_ATTEMPTS):
            if not chosen.entry.transactions:
                remove_durable(self._spool.load_plan)
                return chosen, chosen.batch.events.clear()
            first, plan = self._plan(contents, chosen)
            write_checked(self._spool.load_plan, plan)
            try:
                self._events.append(first, transactions=plan.transactions)
            except (AlreadyCommittedError, ConflictError):
                # Another spool was loaded; it may hold a copy of our segments.
                self._events.refresh()
                chosen = self._choose(contents, chosen)
            else:
                self._finish(plan, plan.segments)
                return chosen, first
        remove_durable(self._spool.load_plan)
        raise ConflictError("load the spool: the events table changes too often")

    def _choose(
        self, contents: list[SegmentContent], before: _ChosenFrames | None
    ) -> _ChosenFrames:
        """Return what to load; the rows of *before* where it is still the same."""
        selection = select(contents, self._events)
        if before is not None and selection.is_as(before.selection):
            batch = before.batch
        else:
            batch = read_rows(selection.groups)
        return _ChosenFrames(
            selection,
            batch,
            selection.entry(batch.unreadable),
            selection.segments(batch.unreadable),
        )

    def _plan(
        self, contents: list[SegmentContent], chosen: _ChosenFrames
    ) -> tuple[pl.DataFrame, LoadPlan]:
        """Return the events to store, and the plan to do so."""
        events = with_order_days(
            chosen.batch.events, self._events, self._seen, keyed=self._keyed_sites()
        )
        first, repeated = split_duplicates(
            events,
            self._events,
            self._seen,
            window_days=self._settings.warehouse.duplicate_window_days,
        )
        first = with_amounts(first, self._events, self._seen)
        drops = self._drop_rows(chosen.batch.drops, repeated)
        _check_rows(chosen, first, repeated, drops)
        sound = [each for each in contents if chosen.takes_all_of(each)]
        token = next_token(self._events.version, self._random_bits(RANDOM_BITS))
        return first, LoadPlan(token, chosen.entry, planned(sound), drops)

    def _keyed_sites(self) -> list[str]:
        return [site.id for site in self._settings.sites if site.actors == "keyed"]

    def _drop_rows(self, drops: pl.DataFrame, repeated: pl.DataFrame) -> list[Drop]:
        zones = {site.id: site.timezone for site in self._settings.sites}
        rows = sum_drops(pl.concat([drops, duplicate_drops(repeated, zones)]))
        return [Drop(**row) for row in rows.iter_rows(named=True)]

    def _set_aside(self, contents: list[SegmentContent], chosen: _ChosenFrames) -> int:
        """Set aside what no plan removes; return how many segments that are."""
        count = 0
        for content in contents:
            losses = [*content.losses, *chosen.batch.losses.get(content.segment, [])]
            if losses or content.segment not in chosen.segments:
                self._quarantine(content, losses)
                count += 1
        return count

    def _quarantine(self, content: SegmentContent, losses: list[SegmentLoss]) -> None:
        problems = sorted({each.problem for each in losses}) or [_ALREADY_LOADED]
        reason = {
            "problems": problems,
            "lost": losses,
            "frames": spans_by_incarnation(content.frames),
            "at": self._now(),
        }
        self._spool.quarantine.add_segment(content.segment, reason)
        log_event(
            _LOGGER,
            "segment_quarantined",
            level=logging.ERROR,
            lane=content.segment.lane,
            segment=content.segment.number,
            reason=",".join(problems),
        )

    def _now(self) -> str:
        return datetime.fromtimestamp(self._now_s, UTC).isoformat(timespec="seconds")

    def _said(self, loaded: LoadResult) -> LoadResult:
        log_event(
            _LOGGER,
            "segments_loaded",
            segments=loaded.segments,
            events=loaded.events,
            drops=loaded.duplicates,
            size_bytes=loaded.size_bytes,
        )
        return loaded


def _check_rows(
    chosen: _ChosenFrames,
    first: pl.DataFrame,
    repeated: pl.DataFrame,
    drops: list[Drop],
) -> None:
    """Raise unless every row read is stored, or counted as repeated or dropped."""
    rows, counts = chosen.batch.events.height, chosen.batch.drops["count"].sum()
    counted = sum(drop.count for drop in drops)
    if first.height + repeated.height != rows or counted != counts + repeated.height:
        raise RowsLostError(
            f"load the spool: of {rows} events {first.height} are new and"
            f" {repeated.height} repeated; of {counts} drops {counted} are counted",
            hint="nothing was stored or removed; report these figures",
        )


def _batches(segments: Iterable[Segment], most_bytes: int) -> Iterator[list[Segment]]:
    """Yield segments in their order, in groups of at most *most_bytes* or one."""
    group: list[Segment] = []
    size = 0
    for segment in segments:
        if group and size + segment.size_bytes > most_bytes:
            yield group
            group, size = [], 0
        group.append(segment)
        size += segment.size_bytes
    if group:
        yield group
