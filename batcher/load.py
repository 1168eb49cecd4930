"""Sealed segments into the events table, exactly once, whatever dies in between.

A batch goes through these steps, each durable before the next:

1. a plan beside the spool: the segments' numbers and the drop counts they amount to,
   duplicates included, because a second look would find other duplicates;
2. one commit of the events, which records each lane's newest number;
3. one commit of the drop counts, which records the same;
4. the segments are removed, or set aside where they were damaged; then the plan.

Whoever comes after a crash reads the recorded numbers: up to them a segment is in the
table, past them it is not. A plan whose events are in the table is finished first.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

import msgspec
import polars as pl

from batcher.duplicates import duplicate_drops, split_duplicates, sum_drops
from batcher.durable import remove_durable, write_durable
from batcher.order_days import with_order_days
from batcher.read import Batch, read_segments
from batcher.refunds import with_amounts
from batcher.seen import SeenKeys
from batcher.spool import Segment, Spool, SpoolBrokenError
from config.errors import Busy, MillpondError
from config.files import reason, remedy
from config.logs import say
from config.settings import Settings
from warehouse.dtypes import polars_schema
from warehouse.locks import try_locked
from warehouse.schema import DROPS, EVENTS, Drop
from warehouse.tables import AlreadyCommittedError, ConflictError, Warehouse

_LOGGER = logging.getLogger(__name__)
# About 100,000 events: enough to make the fixed costs of a commit small.
BATCH_BYTES = 32 << 20
# Of two loads at once from different spools one fails, and looks for duplicates again.
_LOAD_APP = "load"
_MOST_ATTEMPTS = 10


class LoadBusyError(Busy, MillpondError):
    """Another process is loading this spool."""


class LoadPlan(msgspec.Struct, frozen=True):
    """What a load is about to commit: each lane's newest number, and the drops."""

    numbers: dict[str, int]
    drops: list[Drop]


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a load did; *size_bytes* is that of the segments."""

    events: int = 0
    duplicates: int = 0
    segments: int = 0
    quarantined: int = 0
    size_bytes: int = 0
    days: frozenset[date] = frozenset()

    def __add__(self, other: "Loaded") -> "Loaded":
        """Return both together."""
        return Loaded(
            events=self.events + other.events,
            duplicates=self.duplicates + other.duplicates,
            segments=self.segments + other.segments,
            quarantined=self.quarantined + other.quarantined,
            size_bytes=self.size_bytes + other.size_bytes,
            days=self.days | other.days,
        )


def load(
    spool: Spool,
    warehouse: Warehouse,
    settings: Settings,
    now_s: float,
    *,
    seen: SeenKeys | None = None,
    batch_bytes: int = BATCH_BYTES,
) -> Loaded:
    """Load all sealed segments, and those dead owners left open.

    Raises ``LoadBusyError`` while another process loads the same spool. Keep *seen*
    from one call to the next: it spares reading the ids of a large table again.
    """
    with try_locked(spool.load_lock) as ours:
        if not ours:
            raise LoadBusyError("load the spool: another process is at it")
        try:
            run = _Load(spool, warehouse, settings, now_s, seen or SeenKeys())
            return run.all(batch_bytes)
        except OSError as error:
            raise SpoolBrokenError(
                f"load the spool: {reason(error)}",
                hint=remedy(error)
                or "see the disk's free space and health; the load starts over",
            ) from None


class _Load:
    """One call of ``load``, under the lock."""

    def __init__(
        self,
        spool: Spool,
        warehouse: Warehouse,
        settings: Settings,
        now_s: float,
        seen: SeenKeys,
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._now_s = now_s
        self._seen = seen
        # Opening makes durable what a dead loader may have left merely visible.
        self._events = warehouse.open(EVENTS)
        self._drops = warehouse.open(DROPS)

    def all(self, batch_bytes: int) -> Loaded:
        self._finish_plan()
        self._spool.remove_leftovers(self._now_s)
        self._spool.recover_lanes()
        total = Loaded()
        for segments in _batches(self._pending(), batch_bytes):
            total += self._load(read_segments(segments))
        return total

    def _finish_plan(self) -> None:
        """Commit the drops of a load that died after its events, or forget it."""
        try:
            text = self._spool.load_plan.read_bytes()
        except FileNotFoundError:
            return
        plan = msgspec.json.decode(text, type=LoadPlan)
        if all(self._is_loaded(*each) for each in plan.numbers.items()):
            self._commit_drops(plan)
        remove_durable(self._spool.load_plan)

    def _is_loaded(self, lane: str, number: int) -> bool:
        app = self._spool.transaction_app(lane)
        return (self._events.transaction_version(app) or 0) >= number

    def _pending(self) -> Iterator[Segment]:
        """Yield the segments to load, and clear away those that are loaded."""
        for segment in self._spool.sealed():
            if not self._is_loaded(segment.lane, segment.number):
                yield segment
                continue
            self._clear(read_segments([segment]))

    def _load(self, batch: Batch) -> Loaded:
        numbers: dict[str, int] = {}
        for segment in batch.segments:
            numbers[segment.lane] = max(segment.number, numbers.get(segment.lane, 0))
        first, plan = self._commit_events(batch, numbers)
        self._commit_drops(plan)
        quarantined = self._clear(batch)
        remove_durable(self._spool.load_plan)
        return self._said(
            Loaded(
                events=first.height,
                duplicates=batch.events.height - first.height,
                segments=len(batch.segments),
                quarantined=quarantined,
                size_bytes=sum(each.size_bytes for each in batch.segments),
                days=frozenset(first["day"].unique()),
            )
        )

    def _commit_events(
        self, batch: Batch, numbers: dict[str, int]
    ) -> tuple[pl.DataFrame, LoadPlan]:
        for _ in range(_MOST_ATTEMPTS):
            events = with_order_days(
                batch.events, self._events, self._seen, keyed=self._keyed_sites()
            )
            first, repeated = split_duplicates(
                events,
                self._events,
                self._seen,
                window_days=self._settings.warehouse.duplicate_window_days,
            )
            first = with_amounts(first, self._events, self._seen)
            plan = LoadPlan(numbers, self._drop_rows(batch.drops, repeated))
            write_durable(self._spool.load_plan, msgspec.json.encode(plan))
            transactions = self._transactions(numbers)
            transactions[_LOAD_APP] = self._events.version + 1
            try:
                self._events.append(first, transactions=transactions)
            except ConflictError:
                self._events.refresh()
            else:
                return first, plan
        raise ConflictError("load the spool: the events table changes too often")

    def _keyed_sites(self) -> list[str]:
        return [site.id for site in self._settings.sites if site.actors == "keyed"]

    def _transactions(self, numbers: dict[str, int]) -> dict[str, int]:
        return {
            self._spool.transaction_app(lane): number
            for lane, number in numbers.items()
        }

    def _drop_rows(self, drops: pl.DataFrame, repeated: pl.DataFrame) -> list[Drop]:
        zones = {site.id: site.timezone for site in self._settings.sites}
        rows = sum_drops(pl.concat([drops, duplicate_drops(repeated, zones)]))
        return [Drop(**row) for row in rows.iter_rows(named=True)]

    def _commit_drops(self, plan: LoadPlan) -> None:
        if not plan.drops:
            return
        frame = _drop_frame(plan.drops)
        for _ in range(_MOST_ATTEMPTS):
            try:
                self._drops.append(frame, transactions=self._transactions(plan.numbers))
            except AlreadyCommittedError:
                return
            except ConflictError:
                self._drops.refresh()
            else:
                return
        raise ConflictError("load the spool: the drops table changes too often")

    def _clear(self, batch: Batch) -> int:
        """Remove loaded segments, set damaged ones aside; return how many of those."""
        for segment, losses in batch.losses.items():
            problems = sorted({each.problem for each in losses})
            kept = {"problems": problems, "lost": losses, "at": self._now()}
            self._spool.quarantine(segment, kept)
            say(
                _LOGGER,
                "segment_quarantined",
                level=logging.ERROR,
                lane=segment.lane,
                segment=segment.number,
                reason=",".join(problems),
            )
        sound = [each for each in batch.segments if each not in batch.losses]
        self._spool.remove(sound)
        return len(batch.losses)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._now_s, UTC).isoformat(timespec="seconds")

    def _said(self, loaded: Loaded) -> Loaded:
        say(
            _LOGGER,
            "segments_loaded",
            segments=loaded.segments,
            events=loaded.events,
            drops=loaded.duplicates,
            size_bytes=loaded.size_bytes,
        )
        return loaded


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


def _drop_frame(drops: list[Drop]) -> pl.DataFrame:
    names = polars_schema(DROPS).names()
    rows = [tuple(getattr(drop, name) for name in names) for drop in drops]
    return pl.DataFrame(rows, schema=polars_schema(DROPS), orient="row")
