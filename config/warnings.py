"""Settings that are valid but probably not meant; only ``config check`` shows them.

They are not refused: each of them can be right in some installation.
"""

from collections.abc import Iterator
from pathlib import Path

from config.errors import Problem
from config.mounts import is_in_memory
from config.prop_keys import holds_only_personal_data
from config.settings import Settings, SiteSettings


def warnings(settings: Settings) -> Iterator[Problem]:
    """Yield everything that should be looked at."""
    yield from _volatile_paths(settings)
    for number, site in enumerate(settings.sites):
        yield from _missing_hosts(number, site)
        for name in ("props_allow", "props_allow_ids"):
            yield from _never_stored(f"sites[{number}].{name}", getattr(site, name))


def _volatile_paths(settings: Settings) -> Iterator[Problem]:
    """Yield the directories whose content a restart of the machine removes."""
    places = {
        "privacy.key_dir": settings.privacy.key_dir,
        "spool.dir": settings.spool.dir,
        "warehouse.uri": settings.warehouse.uri,
    }
    for key, place in places.items():
        if is_in_memory(Path(place)):
            yield Problem(
                key, f"{place} is in memory: a restart of this machine removes it"
            )


def _missing_hosts(number: int, site: SiteSettings) -> Iterator[Problem]:
    """Yield the wildcards whose own host does not belong to the site."""
    for position, domain in enumerate(site.domains):
        host = domain.removeprefix("*.")
        if host != domain and not {host, f"www.{host}"} & set(site.domains):
            yield Problem(
                f"sites[{number}].domains[{position}]",
                f"{domain!r} does not include {host!r}: events of its pages are"
                f" dropped; add {host!r} if it is the site's host",
            )


def _never_stored(path: str, keys: tuple[str, ...]) -> Iterator[Problem]:
    """Yield the allowed properties whose values are left out all the same."""
    for position, key in enumerate(keys):
        if holds_only_personal_data(key):
            yield Problem(
                f"{path}[{position}]",
                f"{key!r} is never stored, because such values are personal; remove it",
            )
