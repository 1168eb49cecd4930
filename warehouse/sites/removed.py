"""The record of removed sites: one small file for each, beside the tables.

The file is written before the first row is removed, so that a killed removal can be
finished, and so that no load brings the site back. It stays when the removal has ended:
the events of the site that are still in the spool become drops. It is forgotten when
the site is configured again. This module does not import Polars.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from config.errors import MillpondError
from config.settings import Settings
from warehouse.checked_file import read_checked, write_checked
from warehouse.durable import make_directory, remove_durable

_PREFIX, _SUFFIX = "removed-site-", ".json"


class UnfinishedRemovalError(MillpondError):
    """A site is configured whose removal was interrupted."""

    exit_code = 2

    def __init__(self, site: str) -> None:
        super().__init__(
            f"use site {site!r}: its removal has begun and is not finished",
            hint=f"take it out of the configuration, run `millpond warehouse site"
            f" remove {site}`, then add it again",
        )


class SiteRemoval(msgspec.Struct, frozen=True):
    """The state of a removal.

    *rows* are the removed rows by table, *planned* the number of the commit in progress
    and its rows, *files* the names of the removed files. *ledger_count* is the number
    of ledger entries before the removal.
    """

    site: str
    ledger_count: int
    rows: Mapping[str, int] = {}
    planned: Mapping[str, tuple[int, int]] = {}
    files: tuple[str, ...] = ()
    is_ended: bool = False


def removed_sites(root: Path) -> frozenset[str]:
    """Return the sites that were removed from the warehouse at *root*."""
    return frozenset(
        path.name[len(_PREFIX) : -len(_SUFFIX)]
        for path in root.glob(f"{_PREFIX}*{_SUFFIX}")
    )


def read_removal(root: Path, site: str) -> SiteRemoval | None:
    """Return the removal of *site*, None if there is none."""
    try:
        return read_checked(_path(root, site), SiteRemoval)
    except FileNotFoundError:
        return None


def write_removal(root: Path, removal: SiteRemoval) -> None:
    """Write the state of a removal durably."""
    make_directory(root)
    write_checked(_path(root, removal.site), removal)


def admit_sites(root: Path, sites: Iterable[str]) -> list[str]:
    """Forget the removal of those of *sites* that were removed, and return these.

    Call it when a process starts: then *sites* are the present configuration, and a
    removed site in it was added again on purpose.
    """
    admitted = sorted(removed_sites(root) & set(sites))
    for site in admitted:
        removal = read_removal(root, site)
        if removal is not None and not removal.is_ended:
            raise UnfinishedRemovalError(site)
        remove_durable(_path(root, site))
    return admitted


def check_removals(settings: Settings) -> None:
    """Raise ``UnfinishedRemovalError`` for a configured site that is half removed."""
    root = Path(settings.warehouse.uri)
    for site in sorted(removed_sites(root) & {site.id for site in settings.sites}):
        removal = read_removal(root, site)
        if removal is not None and not removal.is_ended:
            raise UnfinishedRemovalError(site)


def import_progress(spool_dir: Path, site: str) -> Path:
    """Return the path of the progress of an interrupted import for *site*."""
    return spool_dir / f"import-{site}.json"


def _path(root: Path, site: str) -> Path:
    return root / f"{_PREFIX}{site}{_SUFFIX}"
