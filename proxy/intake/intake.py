"""Turns hits into durable events: the one path that every protocol shares."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from proxy.intake.journal import Journal
from proxy.intake.slices import Slices
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.drops import UNCOUNTED, DropCounts, DropKey, Dropped, DropReason
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import Calendars
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
        self._slices = Slices(timer)
        # The event loop keeps only weak references to tasks.
        self._tasks: set[asyncio.Task[object]] = set()

    def receive(self, hits: Sequence[Hit | Dropped], sender: Sender) -> PendingReceipt:
        """Start to store every event and every drop count of one request.

        Raises a ``Retryable`` error if storing is already known to be impossible.
        """
        now_s = self._clock()
        results = [
            self._anonymize(hit, sender, now_s, seq) for seq, hit in enumerate(hits)
        ]
        pending = self._store(results, sender.protocol, now_s)
        if self._tail is not None and self._tail.is_watched:
            self._tail.show(pending.durable, results, sender.protocol, now_s)
        return pending

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
        task = asyncio.create_task(self._receive_in_slices(hits, sender, reply))
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
        results = await self._slices.call(
            lambda numbered: self._anonymize(numbered[1], sender, now_s, numbered[0]),
            list(enumerate(hits)),
        )
        pending = self._store(results, sender.protocol, now_s)
        if self._tail is not None and self._tail.is_watched:
            self._tail.show(pending.durable, results, sender.protocol, now_s)
        if pending.durable is not None:
            await pending.durable
        return reply(pending)

    def close(self) -> None:
        """Give up the large requests that are not stored yet; their clients know."""
        for task in tuple(self._tasks):
            task.cancel()

    def _store(
        self, results: Sequence[Event | Dropped], protocol: str, now_s: float
    ) -> PendingReceipt:
        lines: list[bytes] = []
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
            receipt = ONE_ACCEPTED if len(lines) == 1 else Receipt(len(lines), {})
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
        self, hit: Hit | Dropped, sender: Sender, now_s: float, seq: int
    ) -> Event | Dropped:
        if isinstance(hit, Dropped):
            return self._anonymizer.refuse(hit, sender)
        return self._anonymizer.anonymize(hit, sender, now_s, seq)

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
