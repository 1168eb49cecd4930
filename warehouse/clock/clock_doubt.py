"""A doubt about the wall clock, its messages, and the time to act on meanwhile."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from config.errors import MillpondError

DAY_S = 86_400.0
_LATEST_S = 253_402_300_799.0


class ClockError(MillpondError):
    """The clock is not believed, and the requested operation cannot be undone."""


class ClockDoubt(msgspec.Struct, frozen=True):
    """The reason not to believe the wall clock: its time, and the time expected."""

    wall_s: float
    expected_s: float | None
    problem: str | None = None
    remedy: str | None = None

    @property
    def off_s(self) -> float:
        """Return how far the clock is ahead; negative if it is behind."""
        return self.wall_s - (self.expected_s or 0.0)

    def __str__(self) -> str:
        """Return the warning that is shown with all figures."""
        head = f"the clock is not believed: it says {_text(self.wall_s)}"
        if self.expected_s is None:
            problem = self.problem or "the last believed time cannot be read"
            reason = f"and {problem}"
        else:
            side = "ahead of" if self.off_s > 0 else "behind"
            days = f"{abs(self.off_s) / DAY_S:,.1f} days"
            reason = f"{days} {side} the time expected ({_text(self.expected_s)})"
        return f"{head}, {reason}; no data, salt or file is removed meanwhile"

    @property
    def hint(self) -> str:
        """Return what to do about the doubt."""
        hint = (
            "set the clock right; or, if it is right, say so once with --trust-clock"
            ' (docs/operations.md, "Clock not believed")'
        )
        return hint if self.remedy is None else f"{self.remedy}; or {hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """The time to act on, which is never later than the true time, and any doubt.

    While there is a doubt, do nothing that cannot be undone.
    """

    at_s: float
    doubt: ClockDoubt | None = None


def _text(at_s: float) -> str:
    at = datetime.fromtimestamp(min(max(at_s, 0.0), _LATEST_S), UTC)
    return f"{at:%Y-%m-%d %H:%M}Z"
