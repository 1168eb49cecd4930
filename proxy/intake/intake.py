"""Hits in, durable events out: the one path every protocol shares."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from proxy.intake.journal import Journal
from proxy.pipeline.anonymize import Anonymizer
from proxy.pipeline.drops import UNCOUNTED, DropCounts, DropKey, Dropped, DropReason
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import Calendars
from proxy.pipeline.sender import Sender
from proxy.tail.tail import Tail
from warehouse.schema import Event

_ENCODER = msgspec.json.Encoder()


class Receipt(msgspec.Struct, frozen=True):
    """What became of a request's hits: how many are kept, how many refused."""

    accepted: int
    dropped: dict[DropReason, int]

    def debug_headers(self) -> dict[str, str]:
        """Return the header that names why hits were dropped, none where none was."""
        if not self.dropped:
            return {}
        return {"X-Millpond": "dropped " + " ".join(self.dropped)}


# The usual outcome of a request, made once.
ONE_ACCEPTED = Receipt(1, {})
_NO_DROPS = DropCounts()


class PendingReceipt(NamedTuple):
    """A receipt that holds once *durable* is done; None where nothing is to be kept.

    *durable* raises a ``Retryable`` error where the spool could not take it; then
    nothing of the request was kept.
    """

    receipt: Receipt
    durable: "asyncio.Future[None] | None" = None
    # Of each hit in its order, why it was dropped.
    outcomes: Sequence[DropReason | None] = (None,)


class Intake:
    """Anonymizes hits, journals what they became, and answers for it."""

    def __init__(
        self,
        anonymizer: Anonymizer,
        journal: Journal,
        clock: Callable[[], float],
        calendars: Calendars,
        tail: Tail | None = None,
    ) -> None:
        self._anonymizer = anonymizer
        self._journal = journal
        self._clock = clock
        self._calendars = calendars
        self._tail = tail

    def take(self, hits: Sequence[Hit | Dropped], sender: Sender) -> PendingReceipt:
        """Begin to keep every event and every count of a drop of one request.

        Raises a ``Retryable`` error where that is known to be impossible.
        """
        now_s = self._clock()
        found = [self._outcome(hit, sender, now_s, seq) for seq, hit in enumerate(hits)]
        taken = self._keep(found, sender.protocol, now_s)
        if self._tail is not None and self._tail.is_watched:
            self._tail.show(taken.durable, found, sender.protocol, now_s)
        return taken

    def _keep(
        self, found: Sequence[Event | Dropped], protocol: str, now_s: float
    ) -> PendingReceipt:
        lines: list[bytes] = []
        refused: list[Dropped] = []
        outcomes: list[DropReason | None] = []
        for outcome in found:
            if isinstance(outcome, Event):
                lines.append(_ENCODER.encode(outcome))
                outcomes.append(None)
            else:
                refused.append(outcome)
                outcomes.append(outcome.reason)
        if not refused:
            receipt = ONE_ACCEPTED if len(lines) == 1 else Receipt(len(lines), {})
            return PendingReceipt(receipt, self._append(lines, _NO_DROPS), outcomes)
        drops = self._count(refused, protocol, now_s)
        receipt = Receipt(len(lines), Counter(drop.reason for drop in refused))
        return PendingReceipt(receipt, self._append(lines, drops), outcomes)

    def visit_token(self, hit: Hit, sender: Sender) -> str | None:
        """Return a visit token for who sends *hit*; nothing of it is kept."""
        return self._anonymizer.visit_token(hit, sender, self._clock())

    def _append(
        self, lines: list[bytes], drops: DropCounts
    ) -> "asyncio.Future[None] | None":
        return self._journal.append(lines, drops) if lines or drops else None

    def _outcome(
        self, hit: Hit | Dropped, sender: Sender, now_s: float, seq: int
    ) -> Event | Dropped:
        if isinstance(hit, Dropped):
            return self._anonymizer.refuse(hit, sender)
        return self._anonymizer.anonymize(hit, sender, now_s, seq)

    def _count(
        self, refused: Sequence[Dropped], protocol: str, now_s: float
    ) -> DropCounts:
        counts = DropCounts()
        for drop in refused:
            if drop.reason not in UNCOUNTED:
                day, hour = self._calendars.of(drop.site).of(int(now_s))
                counts[DropKey(drop.site, day, hour, drop.reason, protocol)] += 1
        return counts
