"""The days on which a clock that was behind put events, and when that really was.

Such days look long past, and their events are new: retention counts their keep from
the time they arrived.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from config.errors import MillpondError
from warehouse.checked_file import DamagedFileError, read_checked, write_checked
from warehouse.durable import make_directory

_NAME = "misdated_days"
_DAY_S = 86_400.0
_DAY = timedelta(days=1)


class MisdatedDays(msgspec.Struct, frozen=True):
    """Days a clock named that was behind; *arrived_at* is the time it should have."""

    first: date
    last: date
    arrived_at: int

    def holds(self, day: date, keep_days: int, now_s: float) -> bool:
        """Say whether events of *day* may have arrived within *keep_days*.

        A time of arrival that is yet to come was itself of a wrong clock.
        """
        age_s = now_s - self.arrived_at
        is_kept = -_DAY_S <= age_s < (keep_days + 1) * _DAY_S
        return is_kept and self.first <= day <= self.last


def read_misdated(root: Path) -> list[MisdatedDays]:
    """Return what was noted; raise an error where it is damaged."""
    try:
        return read_checked(root / _NAME, list[MisdatedDays])
    except FileNotFoundError:
        return []
    except DamagedFileError as error:
        raise MillpondError(
            error.message,
            hint="it says which old days hold new events, of a clock that was behind:"
            " restore it, or remove it so that such days go at once"
            ' (docs/operations.md, "Clock not believed")',
        ) from None


def note_misdated(root: Path, wall_s: float, arrived_s: float) -> None:
    """Note that events may be put on the days around *wall_s*, in any time zone."""
    try:
        today = datetime.fromtimestamp(wall_s, UTC).date()
        days = MisdatedDays(today - _DAY, today + _DAY, int(arrived_s))
    except (OverflowError, ValueError, OSError):
        # No event can be dated by such a clock either.
        return
    noted = read_misdated(root)
    make_directory(root)
    write_checked(root / _NAME, _with(noted, days))


def _with(noted: Sequence[MisdatedDays], new: MisdatedDays) -> list[MisdatedDays]:
    """Return *noted* and *new*; what *new* meets becomes one with it."""
    apart = [each for each in noted if each.last < new.first or new.last < each.first]
    met = [new, *(each for each in noted if each not in apart)]
    merged = MisdatedDays(
        min(each.first for each in met),
        max(each.last for each in met),
        max(each.arrived_at for each in met),
    )
    return [*apart, merged]
