"""A wall clock that is believed only with evidence, for actions that cannot be undone.

Retention, the destruction of salts and the removal of files depend on dates. With a
clock in the wrong year they would destroy everything. So two files beside the tables
record the last believed time (``witness``). A clock that is more than a day away from
that time, after one jump or several, is in doubt unless one of these is true: the
steady clock of this machine has counted the difference, the kernel reports that a time
service keeps the clock, or the operator confirms the time. docs/decisions/0070.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.errors import MillpondError
from config.files import reason, remedy
from config.logs import log_event
from warehouse.clock import kernel_clock
from warehouse.clock.clock_doubt import DAY_S, Believed, ClockDoubt, ClockError
from warehouse.clock.misdated_days import note_misdated
from warehouse.clock.witness import Witness, read_records, write_records

# A jump that this process sees is followed only after it has lasted this long.
STAND_S = 3_600.0
# A smaller difference is drift, which is followed at once.
_DRIFT_S = 120.0
_NOTE_EVERY_S = 600.0
_LOG = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The clocks of this machine, as arguments, so that tests can set them.

    *boot* is the id of the machine's boot; ``steady`` counts within one boot.
    """

    wall: Clock
    steady: Clock
    boot: str = ""
    is_synchronised: Callable[[float], bool] = lambda _wall_s: False

    @classmethod
    def of_machine(cls, wall: Clock) -> "Clocks":
        """Return the clocks of this machine, with *wall* as the one to check."""
        return cls(
            wall=wall,
            steady=kernel_clock.steady_s,
            boot=kernel_clock.boot_id(),
            is_synchronised=kernel_clock.is_synchronised,
        )


class BelievedClock:
    """Compares the wall clock with its witness; each process has its own.

    *newest_data_s* returns the newest time in the stored data, None without data. It
    raises if that time cannot be determined, and is called only if there is no witness.
    A witness that is damaged or cannot be read causes a doubt; it does not count as
    absent. *trusted* means that the operator confirms the present time.
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
        self._misdated_day: int | None = None
        wall_s, steady_s = clocks.wall(), clocks.steady()
        self._note_due_s = steady_s
        if trusted:
            note_trusted(root, clocks)
        self._records = read_records(root)
        self._noted = self._records.sound
        # How far the time has moved in total since it was last proven.
        self._unwitnessed_s = 0.0
        expected_s = wall_s if trusted else self._first_expected_s(newest_data_s)
        self._is_known = expected_s is not None
        # The expected time at a reading of the steady clock.
        self._base = (expected_s or 0.0, steady_s)
        # A difference that exists now counts as having lasted; later jumps must last.
        self._jump = (wall_s - self._base[0], steady_s - STAND_S)
        if self.look().doubt is not None and self._noted is None and self._is_known:
            # Recorded now, so that data loaded under a wrong clock is never evidence.
            self._note(self._base[0], steady_s)

    def look(self) -> Believed:
        """Return the time to act on, and whether there is a doubt about it."""
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
        """Return the doubt, compared with the last proven time."""
        if not self._is_known:
            records = self._records
            doubt = ClockDoubt(wall_s, None, records.problem, records.remedy)
            return Believed(at_s=min(wall_s, expected_s), doubt=doubt)
        doubt = ClockDoubt(wall_s, expected_s - self._unwitnessed_s)
        if doubt.off_s < 0:
            self._note_misdated(wall_s, expected_s)
        proven_s = expected_s - max(self._unwitnessed_s, 0.0)
        return Believed(at_s=min(wall_s, proven_s), doubt=doubt)

    def _note_misdated(self, wall_s: float, expected_s: float) -> None:
        """Record once a day that new events get days that look past."""
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
        """Return whether the jump has lasted, and is either short or proven."""
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
        self._is_known = True
        self._jump = (0.0, steady_s)
        if steady_s >= self._note_due_s:
            self._note_due_s = steady_s + _NOTE_EVERY_S
            self._note(wall_s, steady_s)

    def _follow_other_process(self, steady_s: float) -> bool:
        """Use a witness that another process has written since the last reading."""
        witness = read_records(self._root).sound
        if witness is None or witness == self._noted:
            return False
        self._noted = witness
        self._unwitnessed_s = witness.unwitnessed_by_now_s(self._clocks.boot)
        self._base = (self._expected_by(witness), steady_s)
        self._is_known = True
        self._jump = (self._clocks.wall() - self._base[0], steady_s - STAND_S)
        return True

    def _expected_by(self, witness: Witness) -> float:
        return witness.expected_s(self._clocks.steady(), self._clocks.boot)

    def _first_expected_s(
        self, newest_data_s: Callable[[], float | None]
    ) -> float | None:
        """Return the time expected at the start, None if it is not known."""
        problem = self._records.problem
        if problem is not None:
            log_event(
                _LOG, "clock_record_damaged", level=logging.WARNING, reason=problem
            )
        if self._noted is not None:
            self._unwitnessed_s = self._noted.unwitnessed_by_now_s(self._clocks.boot)
            return self._expected_by(self._noted)
        if problem is not None:
            # The newest event may have its time from the clock that the damaged record
            # would contradict.
            return None
        try:
            newest_s = newest_data_s()
        except MillpondError as error:
            log_event(_LOG, "clock_unproven", level=logging.WARNING, error=error)
            return None
        # Without data there is nothing that a wrong clock could destroy.
        return self._clocks.wall() if newest_s is None else newest_s

    def _note(self, believed_at: float, steady_s: float) -> None:
        witness = Witness(
            believed_at=believed_at,
            steady_s=steady_s,
            boot=self._clocks.boot,
            unwitnessed_s=self._unwitnessed_s,
        ).sealed()
        self._noted = witness
        try:
            write_records(self._root, witness)
        except OSError as error:
            # A full disk must not stop the job that frees space on that disk.
            log_event(_LOG, "clock_not_noted", level=logging.WARNING, error=error)


def note_trusted(root: Path, clocks: Clocks) -> None:
    """Record the present time as confirmed by the operator, or raise ``ClockError``."""
    witness = Witness(
        believed_at=clocks.wall(), steady_s=clocks.steady(), boot=clocks.boot
    )
    try:
        write_records(root, witness.sealed())
    except OSError as error:
        raise ClockError(
            f"record in {root} that the clock is trusted: {reason(error)}",
            hint=remedy(error),
        ) from None


def doubt_of(root: Path, clocks: Clocks) -> ClockDoubt | None:
    """Return the doubt that a process would have if it started now, None without one.

    Reads two small files and changes nothing: for code that only shows the doubt.
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
