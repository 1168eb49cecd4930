"""The changes of a table's commits, from its log: (site, day) pairs, days and files."""

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
    """Return (site, day) pairs in the form of a commit's metadata."""
    days: dict[str, list[str]] = {}
    for site, day in sorted(pairs):
        days.setdefault(site, []).append(day.isoformat())
    return days


def touched(table: Path, since: int, until: int) -> TouchedDays | None:
    """Return the (site, day) pairs that the commits after *since* to *until* changed.

    None if this is not known: the log no longer reaches back to *since*, an entry is
    damaged, or another program changed rows.
    """
    if next(damaged_versions(table, since + 1, until), None) is not None:
        return None
    pairs: TouchedDays = set()
    for version in range(since + 1, until + 1):
        actions = read_entry(table, version)
        commit_pairs = None if actions is None else _touched_by(actions)
        if commit_pairs is None:
            return None
        pairs |= commit_pairs
    return pairs if since <= until else None


def _touched_by(actions: Actions) -> TouchedDays | None:
    commits = [action["commitInfo"] for action in actions if "commitInfo" in action]
    sites = commits[0].get("touched") if commits else None
    if sites is None:
        return None if any(_row_change(action) for action in actions) else set()
    return {
        (site, date.fromisoformat(day)) for site, days in sites.items() for day in days
    }


def row_changes(table: Path, since: int, until: int) -> RowChanges | None:
    """Return the days whose rows the commits after *since* to *until* changed.

    None if this is not known. Compaction changes no rows.
    """
    changed: dict[str, set[date]] = {_ADD: set(), _REMOVE: set()}
    for version in range(since + 1, until + 1):
        actions = read_entry(table, version)
        if actions is None:
            return None
        for action in actions:
            kind = _row_change(action)
            if kind is not None:
                day = (action[kind].get("partitionValues") or {}).get("day")
                if day is None:
                    return None
                changed[kind].add(date.fromisoformat(day))
    return RowChanges(frozenset(changed[_ADD]), frozenset(changed[_REMOVE]))


def _row_change(action: dict[str, Any]) -> str | None:
    """Return ``add`` or ``remove`` for an action that changes rows, else None."""
    kinds = (_ADD, _REMOVE)
    return next((kind for kind in kinds if _changes_rows(action.get(kind))), None)


def _changes_rows(file: dict[str, Any] | None) -> bool:
    return file is not None and bool(file.get("dataChange"))


def removed_files(table: Path) -> dict[str, float]:
    """Return the files that commits in the log removed, with the time of the commit."""
    removed_at: dict[str, float] = {}
    for version in versions(table):
        for action in read_entry(table, version) or []:
            if _REMOVE in action:
                committed_at = entry_path(table, version).stat().st_mtime
                removed_at[action[_REMOVE]["path"]] = committed_at
    return removed_at
