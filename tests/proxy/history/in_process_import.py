"""Imports logs in this process, with a given clock, and reads the stored rows."""

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import polars as pl

from config.settings import Settings
from proxy.history.options import ImportOptions
from proxy.history.run import ImportOutcome, Lists, Show, import_logs
from tests.proxy.pipeline.pipeline_setup import classifier, referrers
from warehouse.schema import DROPS, EVENTS, LEDGER, Table
from warehouse.tables import Warehouse

NO_OPTIONS = ImportOptions()
# 2026-11-23, noon in UTC.
NOON = 1_795_435_200
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/149.0.0.0 Safari/537.36"
)
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


def line(
    path: str = "/",
    *,
    at: str = "20/Nov/2026:10:00:00 +0000",
    address: str = "198.51.100.7",
    size: int = 512,
    agent: str = AGENT,
    referrer: str = "-",
    vhost: str = "",
) -> str:
    """Return a line of the combined format."""
    request = f'"GET {path} HTTP/1.1" 200 {size}'
    return f'{vhost}{address} - - [{at}] {request} "{referrer}" "{agent}"'


def write_log(path: Path, lines: Iterable[str], *, packed: bool = False) -> Path:
    """Write *lines* to *path*."""
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def run(
    settings: Settings,
    *files: Path,
    now_s: float = NOON,
    options: ImportOptions = NO_OPTIONS,
    site: str = "shop",
    waited: Callable[[], None] = lambda: None,
    show: Show = lambda _path, _at: None,
) -> ImportOutcome:
    """Import *files* at *now_s*; each wait returns at once and calls *waited*."""
    steady = [0.0]

    def sleep(seconds: float) -> None:
        steady[0] += seconds
        waited()

    return import_logs(
        settings,
        files,
        site,
        options=options,
        lists=Lists(classifier(), referrers()),
        clock=lambda: now_s,
        monotonic=lambda: steady[0],
        sleep=sleep,
        show=show,
    )


def stored(settings: Settings, table: Table = EVENTS) -> pl.DataFrame:
    """Return the rows of *table*."""
    return Warehouse(Path(settings.warehouse.uri)).view(table).read()


def views(settings: Settings) -> list[tuple[str, int]]:
    """Return the paths with their page views, sorted."""
    counts = stored(settings).group_by("path").len().sort("path")
    return counts.rows()


def drops(settings: Settings) -> dict[str, int]:
    """Return the drop counts by reason."""
    rows = stored(settings, DROPS).group_by("reason").agg(pl.col("count").sum())
    return dict(rows.rows())


def recorded_salts(settings: Settings) -> dict[str, list[str]]:
    """Return the salt markers that imports recorded as created and destroyed."""
    entries = stored(settings, LEDGER).filter(subject="import").sort("number")
    markers: dict[str, list[str]] = {"salt_created": [], "salt_destroyed": []}
    for kind, detail in entries.select("kind", "detail").rows():
        markers[kind] += json.loads(detail)["markers"]
    return markers


def received(settings: Settings) -> int:
    """Return how many page views are stored or counted as dropped."""
    return stored(settings).height + sum(drops(settings).values())


def accounted_views(outcomes: Sequence[ImportOutcome]) -> int:
    """Return how many page views the outcomes count."""
    tallies = [outcome.tally for outcome in outcomes]
    return sum(tally.events + sum(tally.dropped.values()) for tally in tallies)
