"""A wall clock that is believed only with a witness, for what cannot be undone.

Retention, the destruction of salts and the removal of files act on dates. A clock that
is at the wrong year would have them destroy everything, so the last time that was
believed is kept in two files beside the tables (``witness``). A clock more than a day
away from it, in one step or in many, is in doubt, unless this machine's steady clock
has counted the difference, the kernel says that a time service keeps the clock, or the
operator says so. docs/decisions/0070.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from config.errors import MillpondError
from config.files import reason, remedy
from config.logs import log_event
from warehouse.clock import kernel_clock
from warehouse.clock.misdated_days import note_misdated
from warehouse.clock.witness import Witness, read_records, write_records

DAY_S = 86_400.0
# A jump while we look is acted on only once it has stood for so long.
STAND_S = 3_600.0
# Below this it is drift, which is followed.
_DRIFT_S = 120.0
_NOTE_EVERY_S = 600.0
_LATEST_S = 253_402_300_799.0
_LOG = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The clocks of this machine: each is an argument, so that tests can set them.

    *boot* names the run of the machine in which ``steady`` counts.
    """

    wall: Clock
    steady: Clock
    boot: str = ""
    is_synchronised: Callable[[float], bool] = lambda _wall_s: False

    @classmethod
    def of_machine(cls, wall: Clock) -> "Clocks":
        """Return the real clocks, with *wall* as the one that may be wrong."""
        return cls(
            wall=wall,
            steady=kernel_clock.steady_s,
            boot=kernel_clock.boot_id(),
            is_synchronised=kernel_clock.is_synchronised,
        )


class ClockError(MillpondError):
    """The clock is not believed, and what was asked for cannot be undone."""


class ClockDoubt(msgspec.Struct, frozen=True):
    """Why the wall clock is not believed: what it says, and what was believed last."""

    wall_s: float
    expected_s: float | None
    problem: str | None = None
    remedy: str | None = None

    @property
    def off_s(self) -> float:
        """Return how far the clock is ahead; negative where it is behind."""
        return self.wall_s - (self.expected_s or 0.0)

    def __str__(self) -> str:
        """Return the warning that is shown wherever figures are."""
        head = f"the clock is not believed: it says {_text(self.wall_s)}"
        if self.expected_s is None:
            named = self.problem or "what was believed before cannot be read"
            reason = f"and {named}"
        else:
            side = "ahead of" if self.off_s > 0 else "behind"
            days = f"{abs(self.off_s) / DAY_S:,.1f} days"
            reason = f"{days} {side} the time expected ({_text(self.expected_s)})"
        return f"{head}, {reason}; no data, salt or file is removed meanwhile"

    @property
    def hint(self) -> str:
        """Return what to do about it."""
        hint = (
            "set the clock right; or, if it is right, say so once with --trust-clock"
            ' (docs/operations.md, "A clock that is not believed")'
        )
        return hint if self.remedy is None else f"{self.remedy}; or {hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """The time to act on, no later than the true one; and the doubt, if there is one.

    Nothing that cannot be undone may be done while there is a doubt.
    """

    at_s: float
    doubt: ClockDoubt | None = None


class BelievedClock:
    """Compares the wall clock with its witness; belongs to one process.

    *newest_data_s* gives the newest time in the stored data, None without data; it
    raises where that cannot be told, and is asked only where there is no witness yet.
    A witness that is damaged or cannot be read leaves a doubt: it is not none.
    *trusted*: the operator says that the clock is right, now.
    """

    def __init__(
        self,
        root: Path,
        clocks: Clocks,
        *,
        newest_data_s: Callable[[], float | None],
        trusted: bool = False,
    ) -> None:
        self._root = root
        self._clocks = clocks
        self._records = read_records(root)
        self._noted = self._records.sound
        self._misdated_day: int | None = None
        wall_s, steady_s = clocks.wall(), clocks.steady()
        self._note_due_s = steady_s
        if trusted:
            note_trusted(root, clocks)
            self._records = read_records(root)
            self._noted = self._records.sound
        # How far the time moved without a witness, in all, since it last had one.
        self._unwitnessed_s = 0.0
        expected_s = wall_s if trusted else self._expected_s(newest_data_s)
        self._knows = expected_s is not None
        self._base = (expected_s or 0.0, steady_s)
        # What was so before we looked has stood; only later jumps must prove it.
        self._jump = (wall_s - self._base[0], steady_s - STAND_S)
        if self.look().doubt is not None and self._noted is None and self._knows:
            # So that what is loaded under a wrong clock never becomes evidence.
            self._note(self._base[0], steady_s)

    def look(self) -> Believed:
        """Return the time to act on, and whether it is in doubt."""
        wall_s, steady_s = self._clocks.wall(), self._clocks.steady()
        expected_s = self._base[0] + steady_s - self._base[1]
        off_s = wall_s - expected_s
        total_s = self._unwitnessed_s + off_s
        is_far = not max(abs(off_s), abs(total_s)) <= DAY_S
        if is_far and self._follow_other_process(steady_s):
            return self.look()
        is_drift = abs(off_s) <= _DRIFT_S and not is_far
        if is_drift or self._is_acceptable(wall_s, off_s, steady_s, is_far=is_far):
            self._believe(wall_s, steady_s, total_s)
            return Believed(at_s=wall_s)
        if not is_far or self._clocks.is_synchronised(wall_s):
            return Believed(at_s=expected_s)
        return self._doubted(wall_s, expected_s)

    def _doubted(self, wall_s: float, expected_s: float) -> Believed:
        """Return the doubt, against what has a witness."""
        if not self._knows:
            bad = self._records
            doubt = ClockDoubt(wall_s, None, bad.problem, bad.remedy)
            return Believed(at_s=min(wall_s, expected_s), doubt=doubt)
        doubt = ClockDoubt(wall_s, expected_s - self._unwitnessed_s)
        if doubt.off_s < 0:
            self._note_misdated(wall_s, expected_s)
        proven_s = expected_s - max(self._unwitnessed_s, 0.0)
        return Believed(at_s=min(wall_s, proven_s), doubt=doubt)

    def _note_misdated(self, wall_s: float, expected_s: float) -> None:
        """Note once a day that events of now are put on days that look past."""
        day = int(wall_s // DAY_S)
        if day == self._misdated_day:
            return
        try:
            note_misdated(self._root, wall_s, expected_s)
        except (OSError, MillpondError) as error:
            log_event(_LOG, "clock_not_noted", level=logging.WARNING, error=error)
        else:
            self._misdated_day = day

    def _is_acceptable(
        self, wall_s: float, off_s: float, steady_s: float, *, is_far: bool
    ) -> bool:
        """Say whether the jump has stood, and is short or has a witness."""
        if abs(off_s - self._jump[0]) > _DRIFT_S:
            self._jump = (off_s, steady_s)
        if steady_s - self._jump[1] < STAND_S:
            return False
        return not is_far or self._clocks.is_synchronised(wall_s)

    def _believe(self, wall_s: float, steady_s: float, unwitnessed_s: float) -> None:
        needs_witness = abs(unwitnessed_s) > _DRIFT_S
        has_witness = needs_witness and self._clocks.is_synchronised(wall_s)
        self._unwitnessed_s = 0.0 if has_witness else unwitnessed_s
        self._base = (wall_s, steady_s)
        self._knows = True
        self._jump = (0.0, steady_s)
        if steady_s >= self._note_due_s:
            self._note_due_s = steady_s + _NOTE_EVERY_S
            self._note(wall_s, steady_s)

    def _follow_other_process(self, steady_s: float) -> bool:
        """Take what another process, trusted or sure, has noted since we looked."""
        found = read_records(self._root).sound
        if found is None or found == self._noted:
            return False
        self._noted = found
        self._unwitnessed_s = found.unwitnessed_by_now_s(self._clocks.boot)
        self._base = (self._expected_of(found), steady_s)
        self._knows = True
        self._jump = (self._clocks.wall() - self._base[0], steady_s - STAND_S)
        return True

    def _expected_of(self, witness: Witness) -> float:
        return witness.expected_s(self._clocks.steady(), self._clocks.boot)

    def _expected_s(self, newest_data_s: Callable[[], float | None]) -> float | None:
        bad = self._records.problem
        if bad is not None:
            log_event(_LOG, "clock_record_damaged", level=logging.WARNING, reason=bad)
        if self._noted is not None:
            self._unwitnessed_s = self._noted.unwitnessed_by_now_s(self._clocks.boot)
            return self._expected_of(self._noted)
        if bad is not None:
            # The newest event may be of the clock that the record would contradict.
            return None
        try:
            newest_s = newest_data_s()
        except MillpondError as error:
            log_event(_LOG, "clock_unproven", level=logging.WARNING, error=error)
            return None
        # Without data there is nothing a wrong clock could destroy.
        return self._clocks.wall() if newest_s is None else newest_s

    def _note(self, believed_at: float, steady_s: float) -> None:
        noted = Witness(
            believed_at=believed_at,
            steady_s=steady_s,
            boot=self._clocks.boot,
            unwitnessed_s=self._unwitnessed_s,
        ).sealed()
        self._noted = noted
        try:
            write_records(self._root, noted)
        except OSError as error:
            # A full disk must not end the job that makes room on it.
            log_event(_LOG, "clock_not_noted", level=logging.WARNING, error=error)


def note_trusted(root: Path, clocks: Clocks) -> None:
    """Note the present time as the operator's word, or raise ``ClockError``."""
    noted = Witness(
        believed_at=clocks.wall(), steady_s=clocks.steady(), boot=clocks.boot
    )
    try:
        write_records(root, noted.sealed())
    except OSError as error:
        raise ClockError(
            f"note that the clock is trusted, in {root}: {reason(error)}",
            hint=remedy(error),
        ) from None


def doubt_of(root: Path, clocks: Clocks) -> ClockDoubt | None:
    """Return why a process that started now would not believe the clock, if so.

    Reads two small files and changes nothing: for those who only show it.
    """
    records = read_records(root)
    wall_s = clocks.wall()
    if clocks.is_synchronised(wall_s):
        return None
    if records.sound is None:
        if records.problem is None:
            return None
        return ClockDoubt(wall_s, None, records.problem, records.remedy)
    expected_s = records.sound.expected_s(clocks.steady(), clocks.boot)
    proven_s = expected_s - records.sound.unwitnessed_by_now_s(clocks.boot)
    if max(abs(wall_s - expected_s), abs(wall_s - proven_s)) <= DAY_S:
        return None
    return ClockDoubt(wall_s, proven_s)


def _text(at_s: float) -> str:
    at = datetime.fromtimestamp(min(max(at_s, 0.0), _LATEST_S), UTC)
    return f"{at:%Y-%m-%d %H:%M}Z"
