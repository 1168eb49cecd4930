"""The doctor shows hits that named none of the sites, and never the name they sent."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from config.settings import SpoolSettings
from proxy.doctor.finding import Level
from proxy.doctor.unknown_sites import unknown_sites
from warehouse.unknown_sites import unknown_hits_path, write_unknown_hits

NOON_S = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
TODAY = date(2026, 11, 22)


def test_hits_of_no_site_are_shown_by_protocol(tmp_path: Path) -> None:
    write_unknown_hits(
        unknown_hits_path(tmp_path),
        {
            TODAY: {"segment": 1_000, "plausible": 2},
            TODAY - timedelta(6): {"segment": 1},
            TODAY - timedelta(7): {"segment": 500},
        },
    )

    [got] = unknown_sites(SpoolSettings(dir=str(tmp_path)), NOON_S)

    # Anybody can send an unknown key, so this alone is no finding.
    assert got.level is Level.LOOK
    assert got.text == (
        "1,003 hits of the last 7 days named none of the sites:"
        " segment 1,001, plausible 2"
    )
    assert "sites.keys" in (got.hint or "")


def test_without_such_hits_all_is_fine(tmp_path: Path) -> None:
    path = unknown_hits_path(tmp_path)
    settings = SpoolSettings(dir=str(tmp_path))
    levels = [next(unknown_sites(settings, NOON_S)).level]
    write_unknown_hits(path, {TODAY - timedelta(8): {"ga4": 3}})
    levels += [next(unknown_sites(settings, NOON_S)).level]
    path.write_text("broken")
    levels += [next(unknown_sites(settings, NOON_S)).level]

    assert levels == [Level.FINE] * 3
