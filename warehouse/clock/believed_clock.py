"""A wall clock that is believed only with a witness, for what cannot be undone.

Retention, the destruction of salts and the removal of files act on dates. A clock that
is at the wrong year would have them destroy everything, so the last time that was
believed is kept in a file beside the tables. A clock more than a day away from it is
in doubt, unless this machine's steady clock has counted the difference, the kernel says
that a time service keeps the clock, or the operator says so. docs/decisions/0070.
"""

import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from config.errors import MillpondError
from config.logs import say
from warehouse.clock import kernel_clock
from warehouse.durable import make_directory, write_durable

DAY_S = 86_400.0
# A jump while we look is acted on only once it has stood for so long.
STAND_S = 3_600.0
# Below this it is drift, which is followed.
_DRIFT_S = 120.0
_NOTE_EVERY_S = 600.0
_LATEST_S = 253_402_300_799.0
_NAME = "clock"
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


class Doubt(msgspec.Struct, frozen=True):
    """Why the wall clock is not believed: what it says, and what was believed last."""

    wall_s: float
    expected_s: float | None

    @property
    def off_s(self) -> float:
        """Return how far the clock is ahead; negative where it is behind."""
        return self.wall_s - (self.expected_s or 0.0)

    def __str__(self) -> str:
        """Return the warning that is shown wherever figures are."""
        head = f"the clock is not believed: it says {_text(self.wall_s)}"
        if self.expected_s is None:
            reason = "and what was believed before cannot be read"
        else:
            side = "ahead of" if self.off_s > 0 else "behind"
            days = f"{abs(self.off_s) / DAY_S:,.1f} days"
            reason = f"{days} {side} the time expected ({_text(self.expected_s)})"
        return f"{head}, {reason}; no data, salt or file is removed meanwhile"

    @property
    def hint(self) -> str:
        """Return what to do about it."""
        return (
            "set the clock right; or, if it is right, say so once with --trust-clock"
            ' (docs/operations.md, "A clock that is not believed")'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """The time to act on, no later than the true one; and the doubt, if there is one.

    Nothing that cannot be undone may be done while there is a doubt.
    """

    at_s: float
    doubt: Doubt | None = None


class _Witness(msgspec.Struct, frozen=True, kw_only=True):
    """The time that was believed last, and what the steady clock said then."""

    believed_at: float
    steady_s: float
    boot: str
    checksum: int = 0

    def sealed(self) -> "_Witness":
        """Return it with the checksum of its facts."""
        times = (float(self.believed_at), float(self.steady_s))
        facts = msgspec.json.encode([*times, self.boot])
        return msgspec.structs.replace(self, checksum=zlib.crc32(facts))

    def expected_s(self, clocks: Clocks) -> float:
        """Return the earliest time it can be by now."""
        passed_s = clocks.steady() - self.steady_s
        is_same_boot = bool(clocks.boot) and self.boot == clocks.boot
        return self.believed_at + (max(passed_s, 0.0) if is_same_boot else 0.0)


class BelievedClock:
    """Compares the wall clock with its witness; belongs to one process.

    *newest_data_s* gives the newest time in the stored data, None without data; it
    raises where that cannot be told, and is asked only where there is no witness yet.
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
        self._path = root / _NAME
        self._clocks = clocks
        self._noted = _read(self._path)
        wall_s, steady_s = clocks.wall(), clocks.steady()
        self._note_due_s = steady_s
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
        is_far = not abs(off_s) <= DAY_S
        if is_far and self._heed_other(steady_s):
            return self.look()
        if abs(off_s) <= _DRIFT_S or self._is_acceptable(wall_s, off_s, steady_s):
            self._believe(wall_s, steady_s)
            return Believed(at_s=wall_s)
        if not is_far or self._clocks.is_synchronised(wall_s):
            return Believed(at_s=expected_s)
        doubt = Doubt(wall_s, expected_s if self._knows else None)
        return Believed(at_s=min(wall_s, expected_s), doubt=doubt)

    def _is_acceptable(self, wall_s: float, off_s: float, steady_s: float) -> bool:
        """Say whether the jump has stood, and is short or has a witness."""
        if abs(off_s - self._jump[0]) > _DRIFT_S:
            self._jump = (off_s, steady_s)
        if steady_s - self._jump[1] < STAND_S:
            return False
        return abs(off_s) <= DAY_S or self._clocks.is_synchronised(wall_s)

    def _believe(self, wall_s: float, steady_s: float) -> None:
        self._base = (wall_s, steady_s)
        self._knows = True
        self._jump = (0.0, steady_s)
        if steady_s >= self._note_due_s:
            self._note_due_s = steady_s + _NOTE_EVERY_S
            self._note(wall_s, steady_s)

    def _heed_other(self, steady_s: float) -> bool:
        """Take what another process, trusted or sure, has noted since we looked."""
        found = _read(self._path)
        if found is None or found == self._noted:
            return False
        self._noted = found
        self._base = (found.expected_s(self._clocks), steady_s)
        self._knows = True
        self._jump = (self._clocks.wall() - self._base[0], steady_s - STAND_S)
        return True

    def _expected_s(self, newest_data_s: Callable[[], float | None]) -> float | None:
        if self._noted is not None:
            return self._noted.expected_s(self._clocks)
        if _is_there(self._path):
            say(_LOG, "clock_record_damaged", level=logging.WARNING, file=_NAME)
        try:
            newest_s = newest_data_s()
        except MillpondError as error:
            say(_LOG, "clock_unproven", level=logging.WARNING, error=error)
            return None
        # Without data there is nothing a wrong clock could destroy.
        return self._clocks.wall() if newest_s is None else newest_s

    def _note(self, believed_at: float, steady_s: float) -> None:
        noted = _Witness(
            believed_at=believed_at, steady_s=steady_s, boot=self._clocks.boot
        ).sealed()
        self._noted = noted
        try:
            _write(self._path, noted)
        except OSError as error:
            # A full disk must not end the job that makes room on it.
            say(_LOG, "clock_not_noted", level=logging.WARNING, error=error)


def note_trusted(root: Path, clocks: Clocks) -> None:
    """Note the present time as one the operator vouches for."""
    witness = _Witness(
        believed_at=clocks.wall(), steady_s=clocks.steady(), boot=clocks.boot
    )
    _write(root / _NAME, witness.sealed())


def doubt_of(root: Path, clocks: Clocks) -> Doubt | None:
    """Return why a process that started now would not believe the clock, if so.

    Reads one small file and changes nothing: for those who only show it.
    """
    path = root / _NAME
    witness = _read(path)
    wall_s = clocks.wall()
    if witness is None:
        return Doubt(wall_s, None) if _is_there(path) else None
    expected_s = witness.expected_s(clocks)
    if abs(wall_s - expected_s) <= DAY_S or clocks.is_synchronised(wall_s):
        return None
    return Doubt(wall_s, expected_s)


def _read(path: Path) -> _Witness | None:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Witness)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return None
    return found if found == found.sealed() else None


def _is_there(path: Path) -> bool:
    """Say whether there is such a file; one behind a closed directory is not."""
    try:
        return path.exists()
    except OSError:
        return False


def _write(path: Path, witness: _Witness) -> None:
    make_directory(path.parent)
    write_durable(path, msgspec.json.encode(witness) + b"\n")


def _text(at_s: float) -> str:
    at = datetime.fromtimestamp(min(max(at_s, 0.0), _LATEST_S), UTC)
    return f"{at:%Y-%m-%d %H:%M}Z"
