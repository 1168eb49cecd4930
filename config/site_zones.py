"""The time zone in which the days of each site are stored.

A day begins and ends at midnight in the site's zone. With another zone, days of two
kinds would stand side by side. So the load records the zone of a site before it stores
its first event (``warehouse.sites.zones``), and every command that stores events
compares the record with the configuration.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from config.errors import ConfigError, Problem
from config.settings import Settings, SiteSettings

RECORD = "site-zones.json"
_SECTION = 'docs/operations.md, "Changing the time zone of a site"'


def recorded_zone(root: Path, site: SiteSettings) -> str | None:
    """Return the zone of the stored days of *site*, None if no zone is recorded."""
    zones = _read(root / RECORD)
    for name in (site.id, *reversed(site.formerly)):
        if name in zones:
            return zones[name]
    return None


def changed_zones(settings: Settings) -> Iterator[Problem]:
    """Yield a problem for each site whose zone is not that of its stored days."""
    root = Path(settings.warehouse.uri)
    for number, site in enumerate(settings.sites):
        stored = recorded_zone(root, site)
        if stored not in (None, site.timezone):
            yield Problem(
                f"sites[{number}].timezone",
                f"{site.timezone!r} is not the zone of the stored days of {site.id!r},"
                f" which is {stored!r}: set it back, or run `millpond warehouse site"
                f" refile {site.id}`",
            )


def check_zones(settings: Settings) -> None:
    """Raise ``ConfigError`` if the zone of a site with stored days has changed."""
    problems = list(changed_zones(settings))
    if problems:
        raise ConfigError(problems, hint=f"see {_SECTION}")


def _read(path: Path) -> dict[str, str]:
    """Return the recorded zones; a damaged record counts as absent."""
    try:
        document, _, checksum = path.read_bytes().partition(b"\n")
        record = json.loads(document)
    except (FileNotFoundError, ValueError):
        return {}
    is_sound = checksum == b"%08x\n" % crc32(document) and isinstance(record, dict)
    return dict(record["zones"]) if is_sound else {}
