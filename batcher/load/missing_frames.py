"""Frames a load had to go past without seeing them, until they turn up.

The table records them in the commit that goes past them, so that every spool knows
them, also one that was restored. A transaction is found by its whole name only, so
they are numbered: ``INCARNATION/gaps`` is how many there are.

A note in the quarantine directory, one file for each incarnation, tells people. No
load decides anything by it.
"""

import logging
from collections.abc import Collection, Iterable
from itertools import pairwise
from pathlib import Path

import msgspec

from batcher.spool.quarantine import Quarantine
from config.logs import log_event
from warehouse.checked_file import DamagedFileError, read_checked, write_checked
from warehouse.durable import remove_durable
from warehouse.tables import TableView

_LOGGER = logging.getLogger(__name__)
_NOTE = "missing-"


class SequenceRange(msgspec.Struct, frozen=True):
    """The sequences from *first* to *last*, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        """Return how many there are."""
        return self.last - self.first + 1

    def __contains__(self, sequence: int) -> bool:
        """Return whether *sequence* is one of them."""
        return self.first <= sequence <= self.last


def spans_of(sequences: Iterable[int]) -> list[SequenceRange]:
    """Return *sequences* as few spans, in order."""
    spans: list[SequenceRange] = []
    first, last = 1, 0
    for sequence in sorted(set(sequences)):
        if sequence != last + 1:
            if first <= last:
                spans.append(SequenceRange(first, last))
            first = sequence
        last = sequence
    return [*spans, SequenceRange(first, last)] if first <= last else spans


def gaps(sequences: Collection[int], after: int) -> list[SequenceRange]:
    """Return what lacks between *after* and the highest of *sequences*."""
    present = [after, *sorted(sequences)]
    if present[-1] - after == len(sequences):
        return []
    return [SequenceRange(a + 1, b - 1) for a, b in pairwise(present) if b > a + 1]


def without(
    spans: Iterable[SequenceRange], sequences: Iterable[int]
) -> list[SequenceRange]:
    """Return *spans* less *sequences*."""
    left: list[SequenceRange] = list(spans)
    for taken in spans_of(sequences):
        left = [part for span in left for part in _cut(span, taken)]
    return left


def _cut(span: SequenceRange, taken: SequenceRange) -> list[SequenceRange]:
    parts = [
        SequenceRange(span.first, min(span.last, taken.first - 1)),
        SequenceRange(max(span.first, taken.last + 1), span.last),
    ]
    return [part for part in parts if part.first <= part.last]


class FrameRecord(msgspec.Struct, frozen=True):
    """What one commit records of the frames it takes, by incarnation as hex.

    *recorded* is the highest sequence before it and *highest* after it; *late* are
    frames that were missing before; *missing* is what the commit goes past, and
    *gaps* how many such spans were recorded before.
    """

    recorded: dict[str, int]
    highest: dict[str, int]
    late: dict[str, list[int]]
    missing: dict[str, list[SequenceRange]]
    gaps: dict[str, int]

    @property
    def missing_count(self) -> int:
        """Return how many frames the commit goes past."""
        return sum(len(span) for spans in self.missing.values() for span in spans)

    @property
    def transactions(self) -> dict[str, int]:
        """Return what the commit records of the frames it takes."""
        late = {
            late_app(incarnation, sequence): 1
            for incarnation, sequences in self.late.items()
            for sequence in sequences
        }
        return {**self.highest, **late}

    @property
    def gap_transactions(self) -> dict[str, int]:
        """Return what the commit of the events records of the frames it goes past."""
        found: dict[str, int] = {}
        for incarnation, spans in self.missing.items():
            before = self.gaps[incarnation]
            found[_gaps_app(incarnation)] = before + len(spans)
            for number, span in enumerate(spans, before + 1):
                found[_gap_app(incarnation, number, "first")] = span.first
                found[_gap_app(incarnation, number, "last")] = span.last
        return found


def recorded_gaps(table: TableView, incarnation: str) -> list[SequenceRange]:
    """Return what commits to *table* went past, found since or not."""
    return [
        SequenceRange(
            table.transaction_version(_gap_app(incarnation, number, "first")) or 0,
            table.transaction_version(_gap_app(incarnation, number, "last")) or 0,
        )
        for number in range(1, gap_count(table, incarnation) + 1)
    ]


def gap_count(table: TableView, incarnation: str) -> int:
    """Return how many gaps *table* records."""
    return table.transaction_version(_gaps_app(incarnation)) or 0


def is_recorded(table: TableView, incarnation: str, sequence: int) -> bool:
    """Return whether *table* records the frame as loaded."""
    if sequence > (table.transaction_version(incarnation) or 0):
        return False
    if not any(sequence in span for span in recorded_gaps(table, incarnation)):
        return True
    return table.transaction_version(late_app(incarnation, sequence)) is not None


def _gaps_app(incarnation: str) -> str:
    return f"{incarnation}/gaps"


def _gap_app(incarnation: str, number: int, end: str) -> str:
    return f"{incarnation}/gap/{number}/{end}"


def late_app(incarnation: str, sequence: int) -> str:
    """Return the name a frame that was missing is recorded under."""
    return f"{incarnation}/{sequence}"


class MissingFrames:
    """The notes of one spool."""

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine

    def of(self, incarnation: str) -> list[SequenceRange]:
        """Return the sequences of *incarnation* that are noted."""
        path = self._path(incarnation)
        try:
            return read_checked(path, list[SequenceRange])
        except FileNotFoundError:
            return []
        except DamagedFileError as error:
            path.replace(path.with_suffix(".damaged"))
            log_event(
                _LOGGER,
                "missing_frames_note_damaged",
                level=logging.ERROR,
                error=error,
                incarnation=incarnation,
            )
            return []

    def count(self) -> int:
        """Return how many frames are noted."""
        notes = self._quarantine.directory.glob(f"{_NOTE}*.json")
        incarnations = [each.stem.removeprefix(_NOTE) for each in notes]
        return sum(len(span) for each in incarnations for span in self.of(each))

    def note(self, entry: FrameRecord) -> None:
        """Bring the notes up to a commit that recorded *entry*, durably; repeatable."""
        for incarnation, recorded in entry.recorded.items():
            before = self.of(incarnation)
            # Above what was recorded before, only this commit knows.
            below = [
                SequenceRange(span.first, min(span.last, recorded))
                for span in before
                if span.first <= recorded
            ]
            missing = [*below, *entry.missing.get(incarnation, [])]
            after = without(missing, entry.late.get(incarnation, []))
            if after == before:
                continue
            if after:
                write_checked(self._path(incarnation), after)
            else:
                remove_durable(self._path(incarnation))

    def _path(self, incarnation: str) -> Path:
        return self._quarantine.directory / f"{_NOTE}{incarnation}.json"
