"""The outcome of all received hits of one site: stored, duplicate, or dropped.

received = stored + duplicate + dropped, always (docs/api.md, "Received"). Hits of
visitors who object leave no record, so they are not counted.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from config.settings import SiteSettings
from reports.period import Period
from warehouse.tables import TableView
from warehouse.unknown_sites import UNKNOWN_SITE, UNKNOWN_SITE_ID

DUPLICATE: Final = "duplicate"
BOT: Final = "bot"
# Bots that an earlier version counted, without their kind.
UNKNOWN_KIND: Final = "(unknown)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedCounts:
    """The counts of one site and period; the most frequent reason comes first.

    *bot_kinds* splits the reason ``bot`` by the kind of the bot.
    """

    site: SiteSettings
    period: Period
    stored: int
    reasons: tuple[tuple[str, int], ...]
    suspect_sessions: int
    suspect_events: int
    bot_kinds: tuple[tuple[str, int], ...] = ()
    # Hits of these days that named none of the sites, by protocol. They belong to no
    # site, so they are in no sum here.
    unknown: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def duplicate(self) -> int:
        """The number of hits that had been received before."""
        return dict(self.reasons).get(DUPLICATE, 0)

    @property
    def dropped(self) -> int:
        """The number of hits dropped for any reason other than ``duplicate``."""
        return sum(count for _, count in self.reasons) - self.duplicate

    @property
    def total(self) -> int:
        """The number of all received hits."""
        return self.stored + self.duplicate + self.dropped

    def json(self) -> dict[str, object]:
        """Return the counts in the JSON format of an answer."""
        return {
            "results": [
                {"dimensions": [reason], "metrics": [count]}
                for reason, count in self.reasons
            ],
            "meta": {
                "site": self.site.id,
                "date_range": [
                    self.period.first.isoformat(),
                    self.period.last.isoformat(),
                ],
                "timezone": self.site.timezone,
                "metrics": ["count"],
                "dimensions": ["reason"],
                "received": self.total,
                "stored": self.stored,
                "duplicate": self.duplicate,
                "dropped": self.dropped,
                "bot_kinds": dict(self.bot_kinds),
                "suspect_sessions": self.suspect_sessions,
                "suspect_events": self.suspect_events,
                "unknown_site": dict(self.unknown),
                **({"warnings": list(self.warnings)} if self.warnings else {}),
            },
        }


def count_received(
    site: SiteSettings,
    period: Period,
    events: TableView,
    drops: TableView,
    sessions: TableView,
) -> ReceivedCounts:
    """Return the counts of *site* in *period* from the three tables."""
    days, is_site = period.dates(), pl.col("site") == site.id
    stored = events.collect(
        events.scan(days, ["site"]).filter(is_site).select(pl.len())
    )
    columns = ["site", "reason", "bot_kind", "count"]
    dropped = drops.collect(drops.scan(days, columns).filter(is_site))
    bots = dropped.filter(pl.col("reason") == BOT)
    unknown = drops.collect(
        drops.scan(days, ["site", "reason", "protocol", "count"])
        .filter(
            (pl.col("site") == UNKNOWN_SITE_ID) & (pl.col("reason") == UNKNOWN_SITE)
        )
        .group_by("protocol")
        .agg(pl.col("count").sum())
        .sort("count", "protocol", descending=[True, False])
    )
    suspect = sessions.collect(
        sessions.scan(days, ["site", "suspect", "events"])
        .filter(is_site & pl.col("suspect"))
        .select(pl.len(), pl.col("events").sum())
    )
    return ReceivedCounts(
        site=site,
        period=period,
        stored=stored.item(),
        reasons=_most_first(dropped, "reason"),
        bot_kinds=_most_first(bots, "bot_kind"),
        suspect_sessions=suspect.item(0, 0),
        suspect_events=suspect.item(0, 1),
        unknown=tuple(unknown.iter_rows()),
    )


def _most_first(drops: pl.DataFrame, column: str) -> tuple[tuple[str, int], ...]:
    """Return the counts by *column*, the highest first."""
    counts = (
        drops.group_by(pl.col(column).fill_null(UNKNOWN_KIND))
        .agg(pl.col("count").sum())
        .sort("count", column, descending=[True, False])
    )
    return tuple(counts.iter_rows())
