"""Records the time zone of each site's stored days; ``config.site_zones`` compares it.

This module does not import Polars.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from config.settings import SiteSettings
from config.site_zones import RECORD, recorded_zone
from warehouse.checked_file import DamagedFileError, read_checked, write_checked
from warehouse.durable import make_directory
from warehouse.locks import locked

_LOCK = "_site_zones.lock"


class ZoneRecord(msgspec.Struct, frozen=True):
    """The zones of the stored days by site, and the former zones of re-filed sites."""

    zones: Mapping[str, str] = {}
    refiled_from: Mapping[str, str] = {}


def read_zones(root: Path) -> ZoneRecord:
    """Return the record; a damaged one counts as absent."""
    with suppress(FileNotFoundError, DamagedFileError):
        return read_checked(root / RECORD, ZoneRecord)
    return ZoneRecord()


def note_zones(root: Path, sites: Iterable[SiteSettings]) -> None:
    """Record durably the zone of each of *sites* that has no record."""
    sites = list(sites)
    known = read_zones(root).zones
    if all(site.id in known for site in sites):
        return
    with _writing(root):
        record = read_zones(root)
        new = {
            site.id: recorded_zone(root, site) or site.timezone
            for site in sites
            if site.id not in record.zones
        }
        _write(root, {**record.zones, **new}, record.refiled_from)


def set_zone(root: Path, site: str, zone: str, former: str) -> None:
    """Record that the days of *site* were re-filed from the zone *former*."""
    with _writing(root):
        record = read_zones(root)
        _write(
            root, {**record.zones, site: zone}, {**record.refiled_from, site: former}
        )


def forget_zone(root: Path, site: str) -> None:
    """Forget the zone of a removed site."""
    if site in read_zones(root).zones:
        with _writing(root):
            record = read_zones(root)
            zones = _without(record.zones, site)
            _write(root, zones, _without(record.refiled_from, site))


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    make_directory(root)
    with locked(root / _LOCK):
        yield


def _write(root: Path, zones: Mapping[str, str], refiled: Mapping[str, str]) -> None:
    write_checked(root / RECORD, ZoneRecord(zones, refiled))


def _without(zones: Mapping[str, str], site: str) -> dict[str, str]:
    return {name: zone for name, zone in zones.items() if name != site}
