"""What a load did, and what it had to leave."""

from collections.abc import Collection
from datetime import date

import msgspec

from config.errors import MillpondError, Retryable

_KEYS = 'see docs/operations.md, "A site\'s key is missing or changed"'


class DropsWaitError(Retryable, MillpondError):
    """The events are loaded, and the counts of drops cannot be stored."""


class OtherKeyError(MillpondError):
    """Segments wait, because their orders would count again."""

    def __init__(self, segments: int, sites: Collection[str]) -> None:
        named = ", ".join(map(repr, sorted(sites)))
        how = f"were taken with another key of {named}" if sites else "name no key"
        super().__init__(
            f"load the spool: {segments} segments {how}; known orders could count"
            " again, so they wait in the spool, and all others are loaded",
            hint="move them out of lanes/, or load them with"
            f" `millpond batcher accept-keys`; {_KEYS}",
        )


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a load did; *size_bytes* is that of the segments.

    *waiting* loads have their events in the table, but not their counts of drops.
    *other_key* segments wait, because *other_sites* have another key by now; none is
    named where the segments name no key.
    """

    events: int = 0
    duplicates: int = 0
    segments: int = 0
    quarantined: int = 0
    size_bytes: int = 0
    days: frozenset[date] = frozenset()
    waiting: int = 0
    other_key: int = 0
    other_sites: frozenset[str] = frozenset()

    def check(self) -> "Loaded":
        """Return it; raise where something had to be left in the spool."""
        if self.waiting:
            raise DropsWaitError(
                "load the spool: events are loaded, and the counts of drops of"
                f" {self.waiting} loads wait, because their table cannot be written",
                hint="run `millpond warehouse verify`;"
                ' see docs/operations.md, "Damaged tables"',
            )
        if self.other_key:
            raise OtherKeyError(self.other_key, self.other_sites)
        return self

    def __add__(self, other: "Loaded") -> "Loaded":
        """Return both together."""
        return Loaded(
            events=self.events + other.events,
            duplicates=self.duplicates + other.duplicates,
            segments=self.segments + other.segments,
            quarantined=self.quarantined + other.quarantined,
            size_bytes=self.size_bytes + other.size_bytes,
            days=self.days | other.days,
            waiting=self.waiting + other.waiting,
            other_key=self.other_key + other.other_key,
            other_sites=self.other_sites | other.other_sites,
        )
