"""Days that a slow clock gave to new events, and the true time of those events.

Such days look old, but their events are new: retention counts their age from the time
they arrived.
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
    """Days that a slow clock showed; *arrived_at* is the true time in UTC seconds."""

    first: date
    last: date
    arrived_at: int

    def holds(self, day: date, keep_days: int, now_s: float) -> bool:
        """Return whether events of *day* may have arrived within *keep_days*.

        An arrival time in the future comes from a wrong clock and is ignored.
        """
        age_s = now_s - self.arrived_at
        is_kept = -_DAY_S <= age_s < (keep_days + 1) * _DAY_S
        return is_kept and self.first <= day <= self.last


def read_misdated(root: Path) -> list[MisdatedDays]:
    """Return the recorded days; raise an error if the file is damaged."""
    try:
        return read_checked(root / _NAME, list[MisdatedDays])
    except FileNotFoundError:
        return []
    except DamagedFileError as error:
        raise MillpondError(
            error.message,
            hint="this file lists old days with new events, dated by a slow clock:"
            " restore it, or remove it to delete such days with the next retention"
            ' (docs/operations.md, "Clock not believed")',
        ) from None


def note_misdated(root: Path, wall_s: float, arrived_s: float) -> None:
    """Record that events may get the days around *wall_s*, in any time zone."""
    try:
        today = datetime.fromtimestamp(wall_s, UTC).date()
        days = MisdatedDays(today - _DAY, today + _DAY, int(arrived_s))
    except (OverflowError, ValueError, OSError):
        # No event can have a date from such a clock either.
        return
    recorded = read_misdated(root)
    make_directory(root)
    write_checked(root / _NAME, _merge(recorded, days))


def _merge(recorded: Sequence[MisdatedDays], new: MisdatedDays) -> list[MisdatedDays]:
    """Return *recorded* with *new*; ranges that overlap *new* are merged with it."""
    separate = [
        days for days in recorded if days.last < new.first or new.last < days.first
    ]
    overlapping = [new, *(days for days in recorded if days not in separate)]
    merged = MisdatedDays(
        min(days.first for days in overlapping),
        max(days.last for days in overlapping),
        max(days.arrived_at for days in overlapping),
    )
    return [*separate, merged]
