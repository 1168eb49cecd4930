"""Which days of a site are measured already: its pages themselves reported views.

An import of such a day would count most page views twice.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import polars as pl

from batcher.spool.segment import FrameKind, read_frames
from batcher.spool.spool import Spool
from proxy.history.importer import PROTOCOL
from warehouse.schema import DAILY_STATS, EVENTS
from warehouse.tables import Warehouse

_PAGEVIEW = "pageview"
_TOTAL = "total"


class _SpooledEvent(msgspec.Struct):
    """The fields of a spooled event that are needed here; defaults as in ``Event``."""

    site: str
    day: date
    name: str = _PAGEVIEW
    protocol: str = "native"


_DECODER = msgspec.json.Decoder(_SpooledEvent)


def measured_days(spool: Spool, warehouse: Warehouse, site_id: str) -> dict[date, int]:
    """Return the days of a site with page views that no log gave, and their number.

    Counts the tables, and the spool with its open segments and its quarantine. A day
    whose events were removed by the retention also counts: an import would replace its
    figures.
    """
    # The spool first: what is loaded in the meantime is then in the table.
    counts = Counter(_spooled_days(spool, site_id))
    stored = _stored_days(warehouse, site_id)
    counts.update({day: count for day, count in stored.items() if count})
    for day, count in _figure_days(warehouse, site_id).items():
        if day not in stored and count:
            counts.setdefault(day, count)
    return dict(counts)


def _stored_days(warehouse: Warehouse, site_id: str) -> dict[date, int]:
    """Return all days in the events table, with their page views that no log gave."""
    view = warehouse.view(EVENTS)
    is_live_view = (pl.col("name") == _PAGEVIEW) & (pl.col("protocol") != PROTOCOL)
    days = view.collect(
        view.scan(columns=["site", "day", "name", "protocol"])
        .filter(pl.col("site") == site_id)
        .group_by("day")
        .agg(is_live_view.sum())
    )
    return dict(days.rows())


def _figure_days(warehouse: Warehouse, site_id: str) -> dict[date, int]:
    """Return the days that have figures, with their page views."""
    view = warehouse.view(DAILY_STATS)
    days = view.collect(
        view.scan(columns=["site", "day", "dimension", "pageviews"])
        .filter((pl.col("site") == site_id) & (pl.col("dimension") == _TOTAL))
        .group_by("day")
        .agg(pl.col("pageviews").sum())
    )
    return dict(days.rows())


def _spooled_days(spool: Spool, site_id: str) -> Iterator[date]:
    for path in _segments(spool):
        # The batcher may load and remove a segment in the meantime.
        with contextlib.suppress(FileNotFoundError):
            for event in _events(path.read_bytes()):
                is_view = event.name == _PAGEVIEW and event.protocol != PROTOCOL
                if is_view and event.site == site_id:
                    yield event.day


def _segments(spool: Spool) -> list[Path]:
    # Open segments first: one that is sealed in the meantime is then found as sealed.
    opened = [segment.path for segment in spool.unsealed()]
    return [
        *opened,
        *(segment.path for segment in spool.sealed()),
        *spool.quarantined(),
    ]


def _events(content: bytes) -> Iterator[_SpooledEvent]:
    for frame in read_frames(content).frames:
        if frame.kind is FrameKind.EVENTS:
            # Rows that cannot be decoded are set aside by the load.
            with contextlib.suppress(msgspec.MsgspecError, UnicodeError):
                yield from _DECODER.decode_lines(frame.payload)
