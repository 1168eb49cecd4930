"""Missing frames: their writer wrote later frames, but no load has found them yet.

The commit that loads the later frames records the gap in the table. So every spool
knows the gap, even a restored spool. A transaction can only be looked up by its whole
name, so the gaps are numbered: ``INCARNATION/gaps`` is the number of gaps.

For the operator, a note per incarnation is stored in the quarantine directory. Loads
do not depend on these notes.
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
        """Return the number of sequences."""
        return self.last - self.first + 1

    def __contains__(self, sequence: int) -> bool:
        """Return whether *sequence* is in the range."""
        return self.first <= sequence <= self.last


def spans_of(sequences: Iterable[int]) -> list[SequenceRange]:
    """Return *sequences* as the fewest possible ranges, in order."""
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
    """Return the sequences missing between *after* and the highest of *sequences*."""
    present = [after, *sorted(sequences)]
    if present[-1] - after == len(sequences):
        return []
    return [SequenceRange(a + 1, b - 1) for a, b in pairwise(present) if b > a + 1]


def subtract(
    spans: Iterable[SequenceRange], sequences: Iterable[int]
) -> list[SequenceRange]:
    """Return *spans* without *sequences*."""
    rest: list[SequenceRange] = list(spans)
    for removed in spans_of(sequences):
        rest = [part for span in rest for part in _cut(span, removed)]
    return rest


def _cut(span: SequenceRange, removed: SequenceRange) -> list[SequenceRange]:
    parts = [
        SequenceRange(span.first, min(span.last, removed.first - 1)),
        SequenceRange(max(span.first, removed.last + 1), span.last),
    ]
    return [part for part in parts if part.first <= part.last]


class FrameRecord(msgspec.Struct, frozen=True):
    """The record that one commit makes of its frames, by incarnation in hexadecimal.

    *recorded* is the highest sequence before the commit, *highest* the one after it.
    *late* are frames that were missing before. *missing* are the gaps that the commit
    adds, and *gaps* is the number of gaps recorded before.
    """

    recorded: dict[str, int]
    highest: dict[str, int]
    late: dict[str, list[int]]
    missing: dict[str, list[SequenceRange]]
    gaps: dict[str, int]

    @property
    def missing_count(self) -> int:
        """Return how many frames are missing between the frames of the commit."""
        return sum(len(span) for spans in self.missing.values() for span in spans)

    @property
    def transactions(self) -> dict[str, int]:
        """Return the transactions that record the frames of the commit."""
        late = {
            late_app(incarnation, sequence): 1
            for incarnation, sequences in self.late.items()
            for sequence in sequences
        }
        return {**self.highest, **late}

    @property
    def gap_transactions(self) -> dict[str, int]:
        """Return the transactions that record the missing frames, with the events."""
        transactions: dict[str, int] = {}
        for incarnation, spans in self.missing.items():
            before = self.gaps[incarnation]
            transactions[_gaps_app(incarnation)] = before + len(spans)
            for number, span in enumerate(spans, before + 1):
                transactions[_gap_app(incarnation, number, "first")] = span.first
                transactions[_gap_app(incarnation, number, "last")] = span.last
        return transactions


def recorded_gaps(table: TableView, incarnation: str) -> list[SequenceRange]:
    """Return all gaps that *table* records, including gaps that were filled later."""
    return [
        SequenceRange(
            table.transaction_version(_gap_app(incarnation, number, "first")) or 0,
            table.transaction_version(_gap_app(incarnation, number, "last")) or 0,
        )
        for number in range(1, gap_count(table, incarnation) + 1)
    ]


def gap_count(table: TableView, incarnation: str) -> int:
    """Return how many gaps *table* records for *incarnation*."""
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
    """Return the transaction name of a frame that was missing before."""
    return f"{incarnation}/{sequence}"


class MissingFrames:
    """The notes about missing frames of one spool."""

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine

    def noted(self, incarnation: str) -> list[SequenceRange]:
        """Return the missing sequences in the note about *incarnation*."""
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
        """Return how many frames the notes name."""
        notes = self._quarantine.directory.glob(f"{_NOTE}*.json")
        incarnations = [path.stem.removeprefix(_NOTE) for path in notes]
        return sum(
            len(span)
            for incarnation in incarnations
            for span in self.noted(incarnation)
        )

    def note(self, record: FrameRecord) -> None:
        """Update the notes, durably, after a commit of *record*; can be repeated."""
        for incarnation, recorded in record.recorded.items():
            before = self.noted(incarnation)
            # Gaps above *recorded* come from this commit alone.
            below = [
                SequenceRange(span.first, min(span.last, recorded))
                for span in before
                if span.first <= recorded
            ]
            missing = [*below, *record.missing.get(incarnation, [])]
            after = subtract(missing, record.late.get(incarnation, []))
            if after == before:
                continue
            if after:
                write_checked(self._path(incarnation), after)
            else:
                remove_durable(self._path(incarnation))

    def _path(self, incarnation: str) -> Path:
        return self._quarantine.directory / f"{_NOTE}{incarnation}.json"
