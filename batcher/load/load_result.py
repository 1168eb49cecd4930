"""The result of a load: its counts, and errors for what it left in the spool."""

from collections.abc import Collection
from datetime import date
from pathlib import Path

import msgspec

from config.errors import MillpondError, Retryable

_KEYS = 'see docs/operations.md, "A site\'s key is missing or changed"'


class DropsWaitError(Retryable, MillpondError):
    """The events are loaded, but the drop counts cannot be stored."""


class OtherKeyError(MillpondError):
    """Segments wait in the spool, because their orders could count twice."""

    def __init__(
        self, segments: int, sites: Collection[str], first: Path | None
    ) -> None:
        site_list = ", ".join(map(repr, sorted(sites)))
        problem = f"have another key for {site_list}" if sites else "name no key"
        super().__init__(
            f"load the spool: {segments} segments {problem}; they wait in the spool,"
            f" {first} first, because known orders could count twice; all other"
            " segments are loaded",
            hint="move them out of lanes/, or load them with"
            f" `millpond batcher accept-keys`; {_KEYS}",
            file=first,
        )


class IncompleteError(MillpondError):
    """Acknowledged events did not reach the tables."""


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a load; *size_bytes* is the size of the segments.

    *dropped* is the sum of the loaded drop counts. *missing* frames were written, but
    are not in the spool. *missing_earlier* and *quarantined_earlier* are those that
    earlier loads reported and that are still missing or in quarantine. *waiting*
    loads have their events in the table, but not their drop counts. *other_key*
    segments wait, because their keys for *other_sites* are not the recorded keys.
    *other_sites* is empty if these segments name no key. *other_path* is the first
    segment that waits.
    """

    events: int = 0
    duplicates: int = 0
    segments: int = 0
    dropped: int = 0
    missing: int = 0
    missing_earlier: int = 0
    quarantined: int = 0
    quarantined_earlier: int = 0
    size_bytes: int = 0
    days: frozenset[date] = frozenset()
    waiting: int = 0
    other_key: int = 0
    other_sites: frozenset[str] = frozenset()
    other_path: Path | None = None

    def check(self) -> "LoadResult":
        """Return this result; raise if drop counts or segments wait in the spool."""
        if self.waiting:
            raise DropsWaitError(
                "load the spool: events are loaded, but the drop counts of"
                f" {self.waiting} loads wait, because their table cannot be written",
                hint="run `millpond warehouse verify`;"
                ' see docs/operations.md, "Damaged tables"',
            )
        if self.other_key:
            raise self.other_key_error()
        return self

    def other_key_error(self) -> OtherKeyError:
        """Return the error that says which segments wait."""
        return OtherKeyError(self.other_key, self.other_sites, self.other_path)

    def check_complete(self) -> None:
        """Raise if this load found frames missing or set segments aside."""
        problems = []
        if self.missing:
            problems.append(f"{self.missing} frames are missing")
        if self.quarantined:
            problems.append(f"{self.quarantined} segments were set aside")
        if problems:
            raise IncompleteError(
                f"drain the spool: {', '.join(problems)}",
                hint='see docs/operations.md, "Damaged and missing segments"',
            )

    def account(self) -> str:
        """Return one line that accounts for all received events."""
        received = self.events + self.duplicates + self.dropped
        line = (
            f"{received} received, {self.events} loaded, {self.duplicates} duplicates,"
            f" {self.dropped} dropped;"
            f" {self.missing} frames missing{_earlier(self.missing_earlier)},"
            f" {self.quarantined} segments set aside"
            f"{_earlier(self.quarantined_earlier)}"
        )
        waiting = f", {self.other_key} segments of another key waiting"
        return line + waiting if self.other_key else line

    def __add__(self, other: "LoadResult") -> "LoadResult":
        """Return the sum of both results."""
        return LoadResult(
            events=self.events + other.events,
            duplicates=self.duplicates + other.duplicates,
            segments=self.segments + other.segments,
            dropped=self.dropped + other.dropped,
            missing=self.missing + other.missing,
            missing_earlier=self.missing_earlier + other.missing_earlier,
            quarantined=self.quarantined + other.quarantined,
            quarantined_earlier=self.quarantined_earlier + other.quarantined_earlier,
            size_bytes=self.size_bytes + other.size_bytes,
            days=self.days | other.days,
            waiting=self.waiting + other.waiting,
            other_key=self.other_key + other.other_key,
            other_sites=self.other_sites | other.other_sites,
            other_path=self.other_path or other.other_path,
        )


def _earlier(count: int) -> str:
    return f" ({count} earlier)" if count else ""
