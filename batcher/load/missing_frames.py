"""Frames a load had to go past without seeing them, noted until they turn up.

A note stands in the quarantine directory, one file for each incarnation. It counts
only below what the table records of that incarnation: see ``batcher.load.selection``.
"""

import logging
from collections.abc import Collection, Iterable
from itertools import pairwise
from pathlib import Path

import msgspec

from batcher.spool.quarantine import Quarantine
from config.logs import say
from warehouse.checked_file import DamagedFileError, read_checked, write_checked
from warehouse.durable import remove_durable

_LOGGER = logging.getLogger(__name__)


class Span(msgspec.Struct, frozen=True):
    """The sequences from *first* to *last*, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        """Return how many there are."""
        return self.last - self.first + 1

    def __contains__(self, sequence: int) -> bool:
        """Return whether *sequence* is one of them."""
        return self.first <= sequence <= self.last


def spans_of(sequences: Iterable[int]) -> list[Span]:
    """Return *sequences* as few spans, in order."""
    spans: list[Span] = []
    first, last = 1, 0
    for sequence in sorted(set(sequences)):
        if sequence != last + 1:
            if first <= last:
                spans.append(Span(first, last))
            first = sequence
        last = sequence
    return [*spans, Span(first, last)] if first <= last else spans


def gaps(sequences: Collection[int], after: int) -> list[Span]:
    """Return what lacks between *after* and the highest of *sequences*."""
    present = [after, *sorted(sequences)]
    if present[-1] - after == len(sequences):
        return []
    return [Span(a + 1, b - 1) for a, b in pairwise(present) if b > a + 1]


def without(spans: Iterable[Span], sequences: Iterable[int]) -> list[Span]:
    """Return *spans* less *sequences*."""
    left: list[Span] = list(spans)
    for taken in spans_of(sequences):
        left = [part for span in left for part in _cut(span, taken)]
    return left


def _cut(span: Span, taken: Span) -> list[Span]:
    parts = [
        Span(span.first, min(span.last, taken.first - 1)),
        Span(max(span.first, taken.last + 1), span.last),
    ]
    return [part for part in parts if part.first <= part.last]


class Entry(msgspec.Struct, frozen=True):
    """What one commit records of the frames it takes, by incarnation as hex.

    *recorded* is the highest sequence before it and *highest* after it; *late* are
    frames that were missing before; *missing* is what the commit goes past.
    """

    recorded: dict[str, int]
    highest: dict[str, int]
    late: dict[str, list[int]]
    missing: dict[str, list[Span]]

    @property
    def transactions(self) -> dict[str, int]:
        """Return what the commit records in the table."""
        late = {
            late_app(incarnation, sequence): 1
            for incarnation, sequences in self.late.items()
            for sequence in sequences
        }
        return {**self.highest, **late}


def late_app(incarnation: str, sequence: int) -> str:
    """Return the name a frame that was missing is recorded under."""
    return f"{incarnation}/{sequence}"


class MissingFrames:
    """The notes of one spool."""

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine

    def of(self, incarnation: str) -> list[Span]:
        """Return the sequences of *incarnation* that are noted."""
        path = self._path(incarnation)
        try:
            return read_checked(path, list[Span])
        except FileNotFoundError:
            return []
        except DamagedFileError as error:
            # Without the note what turns up is taken for loaded, and set aside.
            path.replace(path.with_suffix(".damaged"))
            say(
                _LOGGER,
                "missing_frames_note_damaged",
                level=logging.ERROR,
                error=error,
                incarnation=incarnation,
            )
            return []

    def note(self, entry: Entry) -> None:
        """Bring the notes up to a commit that recorded *entry*, durably; repeatable."""
        for incarnation, recorded in entry.recorded.items():
            before = self.of(incarnation)
            # Above what was recorded before, only this commit knows.
            below = [
                Span(span.first, min(span.last, recorded))
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
        return self._quarantine.directory / f"missing-{incarnation}.json"
