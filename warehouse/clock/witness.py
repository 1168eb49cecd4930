"""The time that was believed last, in two files beside the tables, with checksums.

Nothing else can contradict a wrong clock: the newest event may be its own. So one file
that is damaged is not enough to lose it, and two are not the same as none.
"""

import errno
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from config.files import reason, remedy
from warehouse.durable import make_directory, write_durable

_NAMES = ("clock", "clock.copy")
# A machine that is off at night is on by day: time it ran pays for as much off, thrice.
_OFF_PER_ON = 3.0


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """The time that was believed last, and what the steady clock said then.

    *unwitnessed_s* is how far that time moved, in all, without anything to prove it.
    """

    believed_at: float
    steady_s: float
    boot: str
    unwitnessed_s: float = 0.0
    checksum: int = 0

    def sealed(self) -> "Witness":
        """Return it with the checksum of its facts."""
        facts: list[float | str] = [float(self.believed_at), float(self.steady_s)]
        facts.append(self.boot)
        if self.unwitnessed_s:
            facts.append(float(self.unwitnessed_s))
        checksum = zlib.crc32(msgspec.json.encode(facts))
        return msgspec.structs.replace(self, checksum=checksum)

    def expected_s(self, steady_s: float, boot: str) -> float:
        """Return the earliest time it can be by now."""
        passed_s = max(steady_s - self.steady_s, 0.0)
        return self.believed_at + (passed_s if self._is_of(boot) else 0.0)

    def unwitnessed_by_now_s(self, boot: str) -> float:
        """Return it less what a machine may be off that ran as long as this one."""
        if self._is_of(boot) or self.unwitnessed_s <= 0:
            return self.unwitnessed_s
        # The steady clock counts from the start of the machine.
        return max(0.0, self.unwitnessed_s - _OFF_PER_ON * self.steady_s)

    def _is_of(self, boot: str) -> bool:
        return bool(boot) and self.boot == boot


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessFiles:
    """The newest sound witness; and what is wrong with a file, with what to do."""

    sound: Witness | None = None
    problem: str | None = None
    remedy: str | None = None


def read_records(root: Path) -> WitnessFiles:
    """Return what the files say: the first one that is sound counts."""
    found = list(_read_each(root))
    sound = next((each.sound for each in found if each.sound is not None), None)
    bad = next((each for each in found if each.problem is not None), WitnessFiles())
    return WitnessFiles(sound=sound, problem=bad.problem, remedy=bad.remedy)


def write_records(root: Path, witness: Witness) -> None:
    """Write both files, one after the other: a crash leaves at least one whole."""
    make_directory(root)
    for name in _NAMES:
        write_durable(root / name, msgspec.json.encode(witness) + b"\n")


def _read_each(root: Path) -> Iterator[WitnessFiles]:
    for name in _NAMES:
        path = root / name
        try:
            yield _decoded(path, path.read_bytes())
        except OSError as error:
            if _is_there(path) or error.errno not in (errno.ENOENT, errno.EACCES):
                problem = f"{path} cannot be read: {reason(error)}"
                yield WitnessFiles(problem=problem, remedy=remedy(error))


def _decoded(path: Path, content: bytes) -> WitnessFiles:
    try:
        found = msgspec.json.decode(content, type=Witness)
    except (msgspec.MsgspecError, UnicodeError):
        found = None
    if found is None or found != found.sealed():
        return WitnessFiles(problem=f"{path} is damaged")
    return WitnessFiles(sound=found)


def _is_there(path: Path) -> bool:
    """Say whether there is such a file; one behind a closed directory is not."""
    try:
        return path.exists()
    except OSError:
        return False
