"""Turns hits into durable events: the one path that every protocol shares."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from proxy.intake.journal import Journal
from proxy.intake.large_reader import LargeReader
from proxy.intake.slices import Slices
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.drops import UNCOUNTED, DropCounts, DropKey, Dropped, DropReason
from proxy.pipeline.event_order import EventOrder
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import Calendars, occurred_at
from proxy.pipeline.sender import Sender
from proxy.tail.tail import Tail
from warehouse.schema import Event

Reply = TypeVar("Reply")

_ENCODER = msgspec.json.Encoder()


class Receipt(msgspec.Struct, frozen=True):
    """How many hits of a request were stored, and how many dropped for each reason."""

    accepted: int
    dropped: dict[DropReason, int]

    def debug_headers(self) -> dict[str, str]:
        """Return the header that names the drop reasons, if hits were dropped."""
        if not self.dropped:
            return {}
        return {"X-Millpond": "dropped " + " ".join(self.dropped)}


# The usual outcome of a request, created once.
ONE_ACCEPTED = Receipt(1, {})
_NO_DROPS = DropCounts()


class PendingReceipt(NamedTuple):
    """A receipt that is true once *durable* is done; None if nothing has to be written.

    *durable* raises a ``Retryable`` error if the spool could not store the request;
    then nothing of the request was stored.
    """

    receipt: Receipt
    durable: "asyncio.Future[None] | None" = None
    # The drop reason of each hit, in order; None for a stored hit.
    outcomes: Sequence[DropReason | None] = (None,)


class Intake:
    """Anonymizes hits and writes the events and drop counts to the journal."""

    def __init__(
        self,
        anonymizer: Anonymizer,
        journal: Journal,
        clock: Callable[[], float],
        calendars: Calendars,
        tail: Tail | None = None,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._anonymizer = anonymizer
        self._journal = journal
        self._clock = clock
        self._calendars = calendars
        self._tail = tail
        self._event_order = EventOrder()
        self._slices = Slices(timer)
        self._reader = LargeReader()
        # The event loop keeps only weak references to tasks.
        self._tasks: set[asyncio.Task[object]] = set()

    def receive(self, hits: Sequence[Hit | Dropped], sender: Sender) -> PendingReceipt:
        """Start to store every event and every drop count of one request.

        Raises a ``Retryable`` error if storing is already known to be impossible.
        """
        now_s = self._clock()
        if len(hits) == 1:
            results = [self._anonymize(hits[0], sender, now_s, self._event_order)]
        else:
            order = _by_time(hits, now_s)
            results = _restored(
                order,
                [
                    self._anonymize(hits[number], sender, now_s, self._event_order)
                    for number in order
                ],
            )
        return self._keep(results, sender.protocol, now_s)

    def receive_in_slices(
        self,
        hits: Sequence[Hit | Dropped],
        sender: Sender,
        reply: Callable[[PendingReceipt], Reply],
    ) -> asyncio.Task[Reply]:
        """Store a large request without delaying others; its result is the reply.

        The task is done once the request is durable. Raises a ``Retryable`` error, at
        once or in the task, if the request cannot be stored.
        """
        self._slices.check_room(len(hits))
        return self.start(self._receive_in_slices(hits, sender, reply))

    async def read_beside(self, function: Callable[[], Reply]) -> Reply:
        """Return the result of *function*, which reads a large request."""
        return await self._reader.read(function)

    def start(
        self, large_request: Coroutine[object, object, Reply]
    ) -> asyncio.Task[Reply]:
        """Run *large_request* until it ends or the intake closes."""
        task = asyncio.create_task(large_request)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _receive_in_slices(
        self,
        hits: Sequence[Hit | Dropped],
        sender: Sender,
        reply: Callable[[PendingReceipt], Reply],
    ) -> Reply:
        now_s = self._clock()
        order = _by_time(hits, now_s)
        results = await self._slices.call(
            lambda number: self._anonymize(
                hits[number], sender, now_s, self._event_order
            ),
            order,
        )
        pending = self._keep(_restored(order, results), sender.protocol, now_s)
        if pending.durable is not None:
            await pending.durable
        return reply(pending)

    def close(self) -> None:
        """Give up the large requests that are not stored yet; their clients know."""
        for task in tuple(self._tasks):
            task.cancel()
        self._reader.close()

    def _keep(
        self, results: Sequence[Event | Dropped], protocol: str, now_s: float
    ) -> PendingReceipt:
        """Start to store *results*, and show them in the live view."""
        pending = self._store(results, protocol, now_s)
        if self._tail is not None and self._tail.is_watched:
            self._tail.show(pending.durable, results, protocol, now_s)
        return pending

    def preview(
        self, hits: Sequence[Hit | Dropped], sender: Sender
    ) -> list[DropReason | None]:
        """Return the outcome that each hit would have; stores and counts nothing."""
        now_s = self._clock()
        order = EventOrder()
        results = [self._anonymize(hit, sender, now_s, order) for hit in hits]
        return [
            result.reason if isinstance(result, Dropped) else None for result in results
        ]

    def _store(
        self, results: Sequence[Event | Dropped], protocol: str, now_s: float
    ) -> PendingReceipt:
        first = results[0] if len(results) == 1 else None
        if isinstance(first, Event):
            lines = [_ENCODER.encode(first)]
            return PendingReceipt(ONE_ACCEPTED, self._append(lines, _NO_DROPS))
        lines = []
        dropped: list[Dropped] = []
        outcomes: list[DropReason | None] = []
        for result in results:
            if isinstance(result, Event):
                lines.append(_ENCODER.encode(result))
                outcomes.append(None)
            else:
                dropped.append(result)
                outcomes.append(result.reason)
        if not dropped:
            receipt = Receipt(len(lines), {})
            return PendingReceipt(receipt, self._append(lines, _NO_DROPS), outcomes)
        counts = self._count_drops(dropped, protocol, now_s)
        receipt = Receipt(len(lines), Counter(drop.reason for drop in dropped))
        return PendingReceipt(receipt, self._append(lines, counts), outcomes)

    def visit_token(self, hit: Hit, sender: Sender) -> str | None:
        """Return a visit token for the visitor who sends *hit*; stores nothing."""
        return self._anonymizer.visit_token(hit, sender, self._clock())

    def _append(
        self, lines: list[bytes], drops: DropCounts
    ) -> "asyncio.Future[None] | None":
        return self._journal.append(lines, drops) if lines or drops else None

    def _anonymize(
        self, hit: Hit | Dropped, sender: Sender, now_s: float, event_order: EventOrder
    ) -> Event | Dropped:
        if isinstance(hit, Dropped):
            return self._anonymizer.refuse(hit, sender)
        return self._anonymizer.anonymize(hit, sender, now_s, event_order)

    def _count_drops(
        self, dropped: Sequence[Dropped], protocol: str, now_s: float
    ) -> DropCounts:
        counts = DropCounts()
        for drop in dropped:
            if drop.reason not in UNCOUNTED:
                local_days = self._calendars.local_days(drop.site)
                day, hour = local_days.day_and_hour(int(now_s))
                key = DropKey(
                    drop.site, day, hour, drop.reason, protocol, drop.bot_kind
                )
                counts[key] += 1
        return counts


def _by_time(hits: Sequence[Hit | Dropped], now_s: float) -> list[int]:
    """Return the positions of *hits*, the earliest hit first.

    So the order of events is that of their own times, whatever their place in the
    request.
    """
    times = [_occurred_at(hit, now_s) for hit in hits]
    return sorted(range(len(hits)), key=times.__getitem__)


def _restored(
    order: Sequence[int], results: Sequence[Event | Dropped]
) -> list[Event | Dropped]:
    """Return *results*, which are in the order of *order*, by their positions."""
    by_position = dict(zip(order, results, strict=True))
    return [by_position[position] for position in range(len(order))]


def _occurred_at(hit: Hit | Dropped, now_s: float) -> float:
    if isinstance(hit, Dropped) or hit.at is None:
        return now_s
    occurred_at_s = occurred_at(hit.at, hit.sent_at, now_s)
    return now_s if occurred_at_s is None else occurred_at_s
