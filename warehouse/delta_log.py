"""A table's transaction log as files: made durable, repaired after a power loss, read.

Delta's writer never fsyncs. What it committed is only kept once ``settle`` has
returned; what a power loss tore before that was never promised to anyone and is set
aside. ``_settled`` names the newest version that is known to be durable: nothing up
to it is ever set aside, because damage there is damage, and must stop us.
"""

import os
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from warehouse.fsync import make_directory, sync_directory, sync_file
from warehouse.locks import locked

LOG = "_delta_log"
_SETTLED = "_settled"
_SET_ASIDE = "_set_aside"
_LAST_CHECKPOINT = "_last_checkpoint"
_PARQUET_MAGIC = b"PAR1"
_VERSION_DIGITS = 20

Actions = list[dict[str, Any]]
TouchedDays = set[tuple[str, date]]


def entry_path(table: Path, version: int) -> Path:
    """Return where the log entry of *version* is."""
    return table / LOG / f"{version:0{_VERSION_DIGITS}}.json"


def versions(table: Path) -> list[int]:
    """Return the versions whose log entries are still there, oldest first."""
    try:
        with os.scandir(table / LOG) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return []
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(int(stem) for stem in stems if _is_version(stem))


def _is_version(stem: str) -> bool:
    return len(stem) == _VERSION_DIGITS and stem.isdecimal()


def read_entry(table: Path, version: int) -> Actions | None:
    """Return the actions of a log entry; None where it is missing or torn."""
    try:
        lines = entry_path(table, version).read_bytes().splitlines()
        actions = [msgspec.json.decode(line) for line in lines]
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return actions or None


def settled_version(table: Path) -> int:
    """Return the newest version known to be durable, -1 if none is."""
    try:
        return int((table / _SETTLED).read_text())
    except (FileNotFoundError, ValueError):
        return -1


def settle(table: Path, version: int) -> None:
    """Return once every log entry up to *version* is durable.

    Entries of other writers count too: whoever acts on what a version says must
    know that a power loss cannot take it back.
    """
    known = settled_version(table)
    for each in versions(table):
        if known < each <= version:
            sync_file(entry_path(table, each))
    sync_directory(table / LOG)
    if version > known:
        _mark_settled(table, version)


def _mark_settled(table: Path, version: int) -> None:
    # Not fsynced: losing it only means that more entries are looked at again.
    temporary = table / f"{_SETTLED}.{os.getpid()}.tmp"
    temporary.write_text(str(version))
    temporary.replace(table / _SETTLED)


def repair(table: Path) -> list[str]:
    """Set aside what a power loss tore, and return the names of those files."""
    with locked(table / "_repair.lock"):
        names = _torn_checkpoints(table)
        known = settled_version(table)
        present = versions(table)
        if present and known > present[-1]:
            # A backup was restored: what follows is not durable yet.
            known = present[-1]
            _mark_settled(table, known)
        names += _torn_entries(table, known, present)
        if names:
            _set_aside(table, names)
    return names


def damaged_version(table: Path) -> int | None:
    """Return the first version that was durable once and whose entry is not whole.

    Delta would take an empty entry for a commit that changes nothing.
    """
    first = (checkpoint_version(table) or 0) + 1
    known = range(first, settled_version(table) + 1)
    return next((each for each in known if read_entry(table, each) is None), None)


def _torn_entries(table: Path, known: int, present: list[int]) -> list[str]:
    """Return the first broken entry after *known* and all that follow it."""
    tail = [version for version in present if version > known]
    entries = {version: read_entry(table, version) for version in tail}
    broken: int | None = None
    removed: set[str] = set()
    for version in reversed(tail):
        actions = entries[version]
        gap = version - 1 not in present and version - 1 > known >= 0
        if actions is None or gap or not _is_whole(table, actions, removed):
            broken = version
        removed |= {
            each["remove"]["path"] for each in actions or [] if "remove" in each
        }
    if broken is None:
        return []
    return [entry_path(table, each).name for each in tail if each >= broken]


def _is_whole(table: Path, actions: Actions, removed: set[str]) -> bool:
    """Return whether every file an entry adds is there in full."""
    adds = [each["add"] for each in actions if "add" in each]
    return all(
        has_size(table / add["path"], add["size"])
        for add in adds
        if add["path"] not in removed
    )


def has_size(path: Path, size: int) -> bool:
    """Return whether *path* exists and is *size* bytes long."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _torn_checkpoints(table: Path) -> list[str]:
    """Return the checkpoints that are not whole, and the pointer if it is torn."""
    log = table / LOG
    torn = [each.name for each in log.glob("*.checkpoint.parquet") if _is_torn(each)]
    pointer = log / _LAST_CHECKPOINT
    if pointer.exists() and (torn or checkpoint_version(table) is None):
        torn.append(pointer.name)
    return torn


def _is_torn(checkpoint: Path) -> bool:
    with checkpoint.open("rb") as file:
        head = file.read(len(_PARQUET_MAGIC))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_PARQUET_MAGIC)))
        return head != _PARQUET_MAGIC or file.read() != _PARQUET_MAGIC


def checkpoint_version(table: Path) -> int | None:
    """Return the version of the newest checkpoint, None without one."""
    try:
        pointer = msgspec.json.decode((table / LOG / _LAST_CHECKPOINT).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return int(pointer["version"])


def sync_checkpoint(table: Path, version: int) -> None:
    """Return once the checkpoint of *version* and the pointer to it are durable."""
    log = table / LOG
    sync_file(log / f"{version:0{_VERSION_DIGITS}}.checkpoint.parquet")
    sync_file(log / _LAST_CHECKPOINT)
    sync_directory(log)


def _set_aside(table: Path, names: list[str]) -> None:
    directory = table / _SET_ASIDE
    make_directory(directory)
    # Newest first: a crash in between leaves a log without gaps.
    for name in sorted(names, reverse=True):
        (table / LOG / name).replace(directory / name)
    sync_directory(directory)
    sync_directory(table / LOG)


def days_by_site(pairs: TouchedDays) -> dict[str, list[str]]:
    """Return (site, day) pairs as a commit's metadata spells them."""
    days: dict[str, list[str]] = {}
    for site, day in sorted(pairs):
        days.setdefault(site, []).append(day.isoformat())
    return days


def touched(table: Path, since: int, until: int) -> TouchedDays | None:
    """Return the (site, day) pairs the commits after *since* up to *until* changed.

    None where that cannot be known: the log no longer reaches back, or another
    program changed rows.
    """
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
        return None if any(_changes_rows(each) for each in actions) else set()
    return {
        (site, date.fromisoformat(day)) for site, days in sites.items() for day in days
    }


def _changes_rows(action: dict[str, Any]) -> bool:
    return any(action.get(kind, {}).get("dataChange") for kind in ("add", "remove"))


def removed_files(table: Path) -> dict[str, float]:
    """Return the files the log says were removed, and when that was committed."""
    found: dict[str, float] = {}
    for version in versions(table):
        for action in read_entry(table, version) or []:
            if "remove" in action:
                when = entry_path(table, version).stat().st_mtime
                found[action["remove"]["path"]] = when
    return found
