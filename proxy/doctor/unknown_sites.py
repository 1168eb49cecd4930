"""Shows hits that named none of the sites, which no report of a site counts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from config.settings import SpoolSettings
from proxy.doctor.finding import Finding, fine, look
from warehouse.unknown_sites import (
    DAYS,
    protocols_text,
    read_unknown_hits,
    unknown_hits_path,
)

_ABOUT = "site keys in use"


def unknown_sites(spool: SpoolSettings, now_s: float) -> Iterator[Finding]:
    """Yield how many hits named no site; anybody can send them, so a person must look.

    The names are not known: they are never stored.
    """
    today = datetime.fromtimestamp(now_s, UTC).date()
    counts = read_unknown_hits(unknown_hits_path(Path(spool.dir)), today)
    if not counts:
        yield fine(_ABOUT, f"each hit of the last {DAYS} days named one of the sites")
        return
    yield look(
        _ABOUT,
        f"{sum(counts.values()):,} hits of the last {DAYS} days named none of the"
        f" sites: {protocols_text(counts)}",
        "compare the key or domain in your pages with sites.keys and sites.domains;"
        " millpond proxy tail --site '(unknown)' shows them as they arrive",
    )
