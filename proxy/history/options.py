"""What the person who starts an import chooses."""

from collections.abc import Container
from datetime import UTC, date, tzinfo
from typing import NamedTuple

from proxy.history.log_line import SkipReason


class ImportOptions(NamedTuple):
    """The options of one import.

    *server* keeps the logs of several servers apart. *format_name* is the format of
    all files; without it each file's own is recognised. Times without an offset are in
    *zone*. *since* and *until* are the first and last day, in the site's time zone.
    *also_measured* imports days on which the site's pages themselves reported views.
    """

    server: str = ""
    format_name: str | None = None
    zone: tzinfo = UTC
    since: date | None = None
    until: date | None = None
    also_measured: bool = False

    def skip_reason(self, day: date, measured: Container[date]) -> SkipReason | None:
        """Return why page views of *day* are left out, None if they are imported."""
        if self.since is not None and day < self.since:
            return SkipReason.PERIOD
        if self.until is not None and day > self.until:
            return SkipReason.PERIOD
        if day in measured and not self.also_measured:
            return SkipReason.MEASURED
        return None
