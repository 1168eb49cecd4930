"""A wall clock that is not believed at once when it jumps; pure.

Destroying a salt cannot be undone, and a clock that is wrong for a minute must not do
it: the visitors of the date would be counted twice. So a jump is believed only once it
has stood for an hour; until then time goes on as before.
"""

# Below this it is drift, which is followed.
_DRIFT_S = 120.0
STAND_S = 3_600.0


class ClockGuard:
    """Compares the wall clock with one that cannot be set (and counts sleep)."""

    def __init__(self, wall_s: float, steady_s: float) -> None:
        self._offset_s = wall_s - steady_s
        self._jump: tuple[float, float] | None = None

    def believed(self, wall_s: float, steady_s: float) -> float:
        """Return the time to act on, given what both clocks say now."""
        offset_s = wall_s - steady_s
        if abs(offset_s - self._offset_s) <= _DRIFT_S:
            self._believe(offset_s)
        elif self._jump is None or abs(offset_s - self._jump[0]) > _DRIFT_S:
            self._jump = (offset_s, steady_s)
        elif steady_s - self._jump[1] >= STAND_S:
            self._believe(offset_s)
        return steady_s + self._offset_s

    def _believe(self, offset_s: float) -> None:
        self._offset_s = offset_s
        self._jump = None
