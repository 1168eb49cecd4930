"""The keys of visitors on any day of a log."""

from collections.abc import Callable
from datetime import date

from batcher.salts.held import Salts
from batcher.salts.history import ImportSalts
from warehouse.clock.local_dates import local_date


class HistoryKeys:
    """Site-day keys for any day: the live keys for today, the import's keys before."""

    def __init__(
        self, past: ImportSalts, live: Salts, clock: Callable[[], float]
    ) -> None:
        self._past = past
        self._live = live
        self._clock = clock
        self._today: dict[str, date] = {}
        self.now_s = clock()

    def update_now(self) -> None:
        """Read the current time, which can pass midnight during an import."""
        self.now_s = self._clock()
        self._today.clear()

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray | None:
        """Return the key; *now_s* is the line's own time and is ignored."""
        del now_s
        today = self._today.get(zone)
        if today is None:
            today = self._today[zone] = local_date(zone, self.now_s)
        if day >= today:
            return self._live.key(zone, day, site_id, self.now_s)
        return self._past.key(zone, day, site_id)
