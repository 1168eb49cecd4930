"""Hits that named none of the sites: a small file that the batcher writes for others.

A wrong site key or domain belongs to no site, so no report of a site shows it. The file
has the counts by day and protocol, and never the name that was sent: anybody may send
any text. Reading it needs no Polars, so the doctor of the proxy can show it.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import msgspec

from warehouse.durable import write_durable

UNKNOWN_SITE_ID = "(unknown)"
UNKNOWN_SITE = "unknown_site"
DAYS = 7

CountsByProtocol = Mapping[str, int]
UnknownHits = Mapping[date, CountsByProtocol]


def unknown_hits_path(spool_dir: Path) -> Path:
    """Return the file in which the batcher of this spool stores the counts."""
    return spool_dir / "unknown-sites.json"


def write_unknown_hits(path: Path, hits: UnknownHits) -> None:
    """Replace the content of the file with *hits*."""
    write_durable(path, msgspec.json.encode(hits))


def read_unknown_hits(path: Path, today: date) -> dict[str, int]:
    """Return the counts of the last days by protocol, the largest first.

    Nothing is lost without the file: reports read the table.
    """
    try:
        days = msgspec.json.decode(path.read_bytes(), type=dict[date, dict[str, int]])
    except (OSError, msgspec.DecodeError):
        return {}
    totals: dict[str, int] = {}
    for day, counts in days.items():
        if day > today - timedelta(DAYS):
            for protocol, count in counts.items():
                totals[protocol] = totals.get(protocol, 0) + count
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def protocols_text(counts: CountsByProtocol) -> str:
    """Return the counts in words: ``segment 10, plausible 2``."""
    return ", ".join(f"{protocol} {count:,}" for protocol, count in counts.items())
