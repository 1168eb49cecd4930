"""The load: all sealed segments of a spool into the events table, exactly once.

``batcher.load.batch_loader`` describes the steps of one batch and what happens after a
crash.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator

import msgspec

from batcher.load.batch_loader import BatchLoader
from batcher.load.drop_counts import DropCounts
from batcher.load.key_index import KeyIndex
from batcher.load.keys import Keys
from batcher.load.load_result import LoadResult
from batcher.load.missing_frames import MissingFrames
from batcher.load.read_segments import SegmentContent, read_contents
from batcher.load.selection import select_frames
from batcher.spool.lane import SpoolBrokenError
from batcher.spool.lane_files import Segment
from batcher.spool.spool import Spool
from config.errors import Busy, MillpondError
from config.files import path_of, reason, remedy
from config.logs import log_event
from config.settings import Settings
from config.site_names import renames
from config.site_zones import check_zones
from warehouse.locks import try_locked
from warehouse.register import bind, check_bound
from warehouse.schema import EVENTS
from warehouse.sites.rename import rename_sites
from warehouse.tables import Warehouse

_LOGGER = logging.getLogger(__name__)
# About 100,000 events: enough to make the fixed costs of a commit small.
BATCH_BYTES = 32 << 20


class LoadBusyError(Busy, MillpondError):
    """Another process is loading this spool."""


def load(
    spool: Spool,
    warehouse: Warehouse,
    settings: Settings,
    now_s: float,
    *,
    key_index: KeyIndex | None = None,
    keys: Keys | None = None,
    batch_bytes: int = BATCH_BYTES,
    random_bits: Callable[[int], int] = secrets.randbits,
) -> LoadResult:
    """Load all sealed segments, and the open segments of processes that ended.

    Raises ``LoadBusyError`` while another process loads the same spool. Pass the same
    *key_index* to each call, so that the keys of a large table are read only once.
    Segments that *keys* refuses stay in their lanes.
    """
    with try_locked(spool.load_lock) as is_locked:
        if not is_locked:
            raise LoadBusyError("load the spool: another process is loading it")
        # If its disk is not mounted, the warehouse's path leads to an empty directory.
        check_bound(warehouse.root, spool.directory)
        check_zones(settings)
        rename_sites(warehouse, renames(settings), now_s)
        try:
            index = key_index or KeyIndex()
            run = _Load(spool, warehouse, settings, now_s, index, keys, random_bits)
            bind(warehouse.root, spool.directory)
            return run.load_all(batch_bytes)
        except OSError as error:
            raise SpoolBrokenError(
                f"load the spool: {reason(error)}",
                hint=remedy(error)
                or "check the disk's free space and health; the load starts over",
                file=path_of(error),
            ) from None


class _Load:
    """One call of ``load``, which holds the lock."""

    def __init__(
        self,
        spool: Spool,
        warehouse: Warehouse,
        settings: Settings,
        now_s: float,
        key_index: KeyIndex,
        keys: Keys | None,
        random_bits: Callable[[int], int],
    ) -> None:
        self._spool = spool
        self._now_s = now_s
        self._keys = keys
        # A load that crashed may have left a commit visible, but not durable. Opening
        # the table makes the commit durable.
        self._events = warehouse.open(EVENTS)
        self._drops = DropCounts(spool, warehouse)
        self._batches = BatchLoader(
            spool, self._events, self._drops, settings, key_index, random_bits
        )

    def load_all(self, batch_bytes: int) -> LoadResult:
        self._drops.finish_waiting()
        total = self._batches.finish_plan()
        self._spool.remove_leftovers(self._now_s)
        self._spool.recover_lanes()
        self._report_misplaced()
        for segments in _batches(self._spool.sealed(), batch_bytes):
            total += self._load_accepted(read_contents(segments))
        if total.other_key:
            _log_other_key(total)
        self._spool.remove_lone_reasons()
        return self._with_earlier(total)

    def _with_earlier(self, total: LoadResult) -> LoadResult:
        """Add to *total* what earlier loads left."""
        missing = MissingFrames(self._spool.quarantine).count()
        quarantined = len(self._spool.quarantined())
        return msgspec.structs.replace(
            total,
            waiting=len(self._drops.waiting()),
            missing_earlier=max(0, missing - total.missing),
            quarantined_earlier=max(0, quarantined - total.quarantined),
        )

    def _load_accepted(self, contents: list[SegmentContent]) -> LoadResult:
        """Load *contents*, but leave segments of another key in their lanes."""
        refused = {
            content.segment: sites
            for content in contents
            if (sites := self._refused_sites(content)) is not None
        }
        accepted = [content for content in contents if content.segment not in refused]
        result = LoadResult()
        if accepted:
            result = self._batches.load(accepted, self._now_s)
        other_sites = frozenset[str]().union(*refused.values())
        first = next(iter(refused)).path if refused else None
        return result + LoadResult(
            other_key=len(refused), other_sites=other_sites, other_path=first
        )

    def _refused_sites(self, content: SegmentContent) -> frozenset[str] | None:
        if self._keys is None:
            return None
        refused = self._keys.refused_sites(content, self._now_s)
        if refused is None:
            return None
        # A segment without new frames cannot count again: it is set aside instead.
        [group] = select_frames([content], self._events).groups
        return refused if group.frames else None

    def _report_misplaced(self) -> None:
        for file in self._spool.misplaced():
            log_event(
                _LOGGER,
                "misplaced_in_spool",
                level=logging.ERROR,
                reason=file.fault,
                file=str(file.path),
            )


def _log_other_key(total: LoadResult) -> None:
    log_event(
        _LOGGER,
        "segments_of_other_key",
        level=logging.ERROR,
        segments=total.other_key,
        sites=",".join(sorted(total.other_sites)),
        file=str(total.other_path),
    )


def _batches(segments: Iterable[Segment], most_bytes: int) -> Iterator[list[Segment]]:
    """Yield *segments* in order, in groups of at most *most_bytes*.

    A larger segment is a group of its own.
    """
    group: list[Segment] = []
    size_bytes = 0
    for segment in segments:
        if group and size_bytes + segment.size_bytes > most_bytes:
            yield group
            group, size_bytes = [], 0
        group.append(segment)
        size_bytes += segment.size_bytes
    if group:
        yield group
