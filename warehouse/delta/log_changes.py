"""What commits of a table changed: (site, day) pairs, days with rows, files."""

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from warehouse.delta.log_digests import (
    Actions,
    damaged_versions,
    entry_path,
    read_entry,
)
from warehouse.delta.log_files import versions

TouchedDays = set[tuple[str, date]]

_ADD, _REMOVE = "add", "remove"


class RowChanges(NamedTuple):
    """The days to which commits added rows, and those from which they removed rows."""

    added: frozenset[date]
    removed: frozenset[date]

    @property
    def days(self) -> frozenset[date]:
        """Return every day whose rows changed."""
        return self.added | self.removed


def days_by_site(pairs: TouchedDays) -> dict[str, list[str]]:
    """Return (site, day) pairs as a commit's metadata spells them."""
    days: dict[str, list[str]] = {}
    for site, day in sorted(pairs):
        days.setdefault(site, []).append(day.isoformat())
    return days


def touched(table: Path, since: int, until: int) -> TouchedDays | None:
    """Return the (site, day) pairs the commits after *since* up to *until* changed.

    None where that cannot be known: the log no longer reaches back, an entry is
    damaged, or another program changed rows.
    """
    if next(damaged_versions(table, since + 1, until), None) is not None:
        return None
    pairs: TouchedDays = set()
    for version in range(since + 1, until + 1):
        actions = read_entry(table, version)
        found = None if actions is None else _touched_by(actions)
        if found is None:
            return None
        pairs |= found
    return pairs if since <= until else None


def _touched_by(actions: Actions) -> TouchedDays | None:
    commits = [each["commitInfo"] for each in actions if "commitInfo" in each]
    sites = commits[0].get("touched") if commits else None
    if sites is None:
        return None if any(_changed(each) for each in actions) else set()
    return {
        (site, date.fromisoformat(day)) for site, days in sites.items() for day in days
    }


def row_changes(table: Path, since: int, until: int) -> RowChanges | None:
    """Return the days whose rows the commits after *since* up to *until* changed.

    None where that cannot be known. Compaction changes none.
    """
    changed: dict[str, set[date]] = {_ADD: set(), _REMOVE: set()}
    for version in range(since + 1, until + 1):
        actions = read_entry(table, version)
        if actions is None:
            return None
        for action in actions:
            kind = _changed(action)
            if kind is not None:
                day = (action[kind].get("partitionValues") or {}).get("day")
                if day is None:
                    return None
                changed[kind].add(date.fromisoformat(day))
    return RowChanges(frozenset(changed[_ADD]), frozenset(changed[_REMOVE]))


def _changed(action: dict[str, Any]) -> str | None:
    """Return whether an action adds or removes rows, None if it does neither."""
    kinds = (_ADD, _REMOVE)
    return next((kind for kind in kinds if _has_rows(action.get(kind))), None)


def _has_rows(file: dict[str, Any] | None) -> bool:
    return file is not None and bool(file.get("dataChange"))


def removed_files(table: Path) -> dict[str, float]:
    """Return the files the log says were removed, and when that was committed."""
    found: dict[str, float] = {}
    for version in versions(table):
        for action in read_entry(table, version) or []:
            if _REMOVE in action:
                when = entry_path(table, version).stat().st_mtime
                found[action[_REMOVE]["path"]] = when
    return found
