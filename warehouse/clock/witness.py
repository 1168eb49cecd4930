"""The last believed time, in two files beside the tables, each with a checksum.

Nothing else can contradict a wrong clock: the newest event may have its time from that
clock. So the record survives one damaged file, and two damaged files cause a doubt
instead of counting as no record.
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
# A machine may be off for up to three times as long as it runs, for example at night.
_OFF_PER_ON = 3.0


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """The last believed time, and the reading of the steady clock at that time.

    *unwitnessed_s* is how far the believed time has moved in total without proof.
    """

    believed_at: float
    steady_s: float
    boot: str
    unwitnessed_s: float = 0.0
    checksum: int = 0

    def sealed(self) -> "Witness":
        """Return this witness with the checksum of its values."""
        values: list[float | str] = [float(self.believed_at), float(self.steady_s)]
        values.append(self.boot)
        if self.unwitnessed_s:
            values.append(float(self.unwitnessed_s))
        checksum = zlib.crc32(msgspec.json.encode(values))
        return msgspec.structs.replace(self, checksum=checksum)

    def expected_s(self, steady_s: float, boot: str) -> float:
        """Return the earliest time that it can be now."""
        passed_s = max(steady_s - self.steady_s, 0.0)
        return self.believed_at + (passed_s if self._is_same_boot(boot) else 0.0)

    def unwitnessed_by_now_s(self, boot: str) -> float:
        """Return *unwitnessed_s* less the time that the machine may have been off."""
        if self._is_same_boot(boot) or self.unwitnessed_s <= 0:
            return self.unwitnessed_s
        # The steady clock counts from the start of the machine.
        return max(0.0, self.unwitnessed_s - _OFF_PER_ON * self.steady_s)

    def _is_same_boot(self, boot: str) -> bool:
        return bool(boot) and self.boot == boot


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessFiles:
    """The first undamaged witness, and the problem of a file, with its remedy."""

    sound: Witness | None = None
    problem: str | None = None
    remedy: str | None = None


def read_records(root: Path) -> WitnessFiles:
    """Return the content of the files; the first undamaged one counts."""
    files = list(_read_files(root))
    sound = next((file.sound for file in files if file.sound is not None), None)
    bad = next((file for file in files if file.problem is not None), WitnessFiles())
    return WitnessFiles(sound=sound, problem=bad.problem, remedy=bad.remedy)


def write_records(root: Path, witness: Witness) -> None:
    """Write both files one after the other: a crash leaves at least one whole."""
    make_directory(root)
    for name in _NAMES:
        write_durable(root / name, msgspec.json.encode(witness) + b"\n")


def _read_files(root: Path) -> Iterator[WitnessFiles]:
    for name in _NAMES:
        path = root / name
        try:
            yield _decode(path, path.read_bytes())
        except OSError as error:
            if _exists(path) or error.errno not in (errno.ENOENT, errno.EACCES):
                problem = f"{path} cannot be read: {reason(error)}"
                yield WitnessFiles(problem=problem, remedy=remedy(error))


def _decode(path: Path, content: bytes) -> WitnessFiles:
    try:
        witness = msgspec.json.decode(content, type=Witness)
    except (msgspec.MsgspecError, UnicodeError):
        witness = None
    if witness is None or witness != witness.sealed():
        return WitnessFiles(problem=f"{path} is damaged")
    return WitnessFiles(sound=witness)


def _exists(path: Path) -> bool:
    """Return whether the file exists; False if its directory cannot be searched."""
    try:
        return path.exists()
    except OSError:
        return False
