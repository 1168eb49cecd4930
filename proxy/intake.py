"""Hits in, durable events out: the one path every protocol shares."""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from proxy.anonymize import Anonymizer
from proxy.drops import UNCOUNTED, DropCounts, DropKey, Dropped, DropReason
from proxy.hit import Hit
from proxy.journal import Journal
from proxy.moment import Calendars
from proxy.sender import Sender
from warehouse.schema import Event

_ENCODER = msgspec.json.Encoder()


class Receipt(msgspec.Struct, frozen=True):
    """What became of a request's hits: how many are durable, how many refused."""

    accepted: int
    dropped: dict[DropReason, int]


class Intake:
    """Anonymizes hits, journals what they became, and answers for it."""

    def __init__(
        self,
        anonymizer: Anonymizer,
        journal: Journal,
        clock: Callable[[], float],
        calendars: Calendars,
    ) -> None:
        self._anonymizer = anonymizer
        self._journal = journal
        self._clock = clock
        self._calendars = calendars

    async def receive(self, hits: Sequence[Hit | Dropped], sender: Sender) -> Receipt:
        """Return once every event and every count of a drop is on the disk.

        Raises a ``Retryable`` error where the spool cannot take them; then nothing
        of the request was kept.
        """
        now_s = self._clock()
        lines: list[bytes] = []
        refused: Counter[Dropped] = Counter()
        for seq, hit in enumerate(hits):
            outcome = self._outcome(hit, sender, now_s, seq)
            if isinstance(outcome, Event):
                lines.append(_ENCODER.encode(outcome))
            else:
                refused[outcome] += 1
        drops = self._count(refused, sender.protocol, now_s)
        if lines or drops:
            await self._journal.append(lines, drops)
        return Receipt(len(lines), _by_reason(refused))

    def _outcome(
        self, hit: Hit | Dropped, sender: Sender, now_s: float, seq: int
    ) -> Event | Dropped:
        if isinstance(hit, Dropped):
            return hit
        return self._anonymizer.anonymize(hit, sender, now_s, seq)

    def _count(
        self, refused: Counter[Dropped], protocol: str, now_s: float
    ) -> DropCounts:
        counts = DropCounts()
        for drop, count in refused.items():
            if drop.reason in UNCOUNTED:
                continue
            day, hour = self._calendars.of(drop.site).of(int(now_s))
            counts[DropKey(drop.site, day, hour, drop.reason, protocol)] += count
        return counts


def _by_reason(refused: Counter[Dropped]) -> dict[DropReason, int]:
    counts: dict[DropReason, int] = {}
    for drop, count in refused.items():
        counts[drop.reason] = counts.get(drop.reason, 0) + count
    return counts
