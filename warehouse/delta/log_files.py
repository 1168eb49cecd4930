"""The files of a table's log: make them durable, repair them after a power loss.

Delta's writer never fsyncs. A commit is durable only after ``sync_log`` has returned.
Files that a power loss tears before that are set aside, because no caller was told that
they are stored. ``_settled`` names the newest version that is known to be durable. No
file up to that version is set aside: damage there must stop every operation.
"""

import os
from pathlib import Path

from warehouse.delta.log_digests import (
    CHECKPOINT,
    LAST_CHECKPOINT,
    LOG,
    SETTLED,
    Actions,
    VersionDigest,
    checkpoint_path,
    checkpoint_version,
    damaged_versions,
    encode_note,
    entry_path,
    file_digest,
    is_checkpoint_damaged,
    pointed_version,
    read_entry,
    read_note,
)
from warehouse.durable import make_directory, sync_directory, sync_file
from warehouse.locks import locked

_SET_ASIDE = "_set_aside"
_PARQUET_MAGIC = b"PAR1"
_VERSION_DIGITS = 20


def versions(table: Path) -> list[int]:
    """Return the versions whose log entries still exist, oldest first."""
    try:
        with os.scandir(table / LOG) as entries:
            names = [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(int(stem) for stem in stems if _is_version(stem))


def _is_version(stem: str) -> bool:
    return len(stem) == _VERSION_DIGITS and stem.isdecimal()


def synced_version(table: Path) -> int:
    """Return the newest version that is known to be durable, -1 if none is."""
    return read_note(table / SETTLED).version


def sync_log(table: Path, version: int) -> None:
    """Return once every log entry up to *version* is durable.

    The entries of other writers are synced too: code that acts on a version must know
    that a power loss cannot remove that version.
    """
    synced = synced_version(table)
    for candidate in versions(table):
        if synced < candidate <= version:
            sync_file(entry_path(table, candidate))
    sync_directory(table / LOG)
    if version > synced:
        _record_synced(table, version)


def _record_synced(table: Path, version: int) -> None:
    note = VersionDigest(version, file_digest(entry_path(table, version)))
    _write_note(table / SETTLED, note)


def _write_note(path: Path, note: VersionDigest) -> None:
    # Not fsynced: without the note, more entries are checked again, and the digest of
    # the newest entry is not known until the next commit.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(encode_note(note))
    temporary.replace(path)


def repair(table: Path) -> list[str]:
    """Set aside the files that a power loss tore, and return their names."""
    with locked(table / "_repair.lock"):
        names = _torn_checkpoints(table)
        names += _torn_entries(table, synced_version(table), versions(table))
        if names:
            _set_aside(table, names)
    return names


def first_damaged(table: Path, first: int, last: int) -> Path | None:
    """Return the first log file that is damaged or missing, None if there is none.

    Checks the newest checkpoint, the entries from *first* to *last*, and whether the
    log reaches the recorded version. Delta would read an empty entry as a commit
    without changes, would use a changed entry, and would not notice a missing end of
    the log.
    """
    checkpoint = checkpoint_version(table)
    if checkpoint is not None and is_checkpoint_damaged(table, checkpoint):
        return checkpoint_path(table, checkpoint)
    if (lost := _lost_checkpoint(table, checkpoint)) is not None:
        return lost
    until = max(last, synced_version(table))
    start = max(first, 0 if checkpoint is None else checkpoint + 1)
    damaged = min(damaged_versions(table, start, until), default=None)
    return None if damaged is None else entry_path(table, damaged)


def _lost_checkpoint(table: Path, newest: int | None) -> Path | None:
    """Return the recorded checkpoint if it is missing and the log needs it."""
    recorded = read_note(table / CHECKPOINT).version
    if recorded <= (-1 if newest is None else newest):
        return None
    reaches_back = newest is not None or 0 in versions(table)
    return None if reaches_back else checkpoint_path(table, recorded)


def _torn_entries(table: Path, synced: int, present: list[int]) -> list[str]:
    """Return the first broken entry after *synced*, and all entries after it."""
    tail = [version for version in present if version > synced]
    entries = {version: read_entry(table, version) for version in tail}
    first_broken: int | None = None
    removed: set[str] = set()
    for version in reversed(tail):
        actions = entries[version]
        follows_gap = version - 1 not in present and version - 1 > synced >= 0
        if actions is None or follows_gap or not _is_whole(table, actions, removed):
            first_broken = version
        removed |= {
            action["remove"]["path"] for action in actions or [] if "remove" in action
        }
    if first_broken is None:
        return []
    return [
        entry_path(table, version).name for version in tail if version >= first_broken
    ]


def _is_whole(table: Path, actions: Actions, removed: set[str]) -> bool:
    """Return whether every file that an entry adds exists in full.

    Files in *removed* are not checked: a later entry removes them.
    """
    adds = [action["add"] for action in actions if "add" in action]
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
    """Return the checkpoints to set aside, and the pointer if it cannot be used.

    The pointer only saves listing the directory. A damaged checkpoint is set aside if
    the log entries reach back without it; otherwise it is an error.
    """
    log = table / LOG
    torn = [
        path.name
        for path in log.glob("*.checkpoint.parquet")
        if _is_torn(path) or _is_damaged_but_unneeded(table, path)
    ]
    pointer = log / LAST_CHECKPOINT
    if pointer.exists() and (torn or pointed_version(table) is None):
        torn.append(pointer.name)
    return torn


def _is_damaged_but_unneeded(table: Path, checkpoint: Path) -> bool:
    """Return whether a checkpoint is damaged and the log is complete without it."""
    version = int(checkpoint.name[:_VERSION_DIGITS])
    present = versions(table)
    reaches_back = present[: version + 1] == list(range(version + 1))
    return reaches_back and is_checkpoint_damaged(table, version)


def _is_torn(checkpoint: Path) -> bool:
    with checkpoint.open("rb") as file:
        head = file.read(len(_PARQUET_MAGIC))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_PARQUET_MAGIC)))
        return head != _PARQUET_MAGIC or file.read() != _PARQUET_MAGIC


def sync_checkpoint(table: Path, version: int) -> None:
    """Return once the checkpoint of *version* and its pointer are durable."""
    checkpoint = checkpoint_path(table, version)
    sync_file(checkpoint)
    pointer = table / LOG / LAST_CHECKPOINT
    if pointer.exists():
        sync_file(pointer)
    sync_directory(table / LOG)
    _write_note(table / CHECKPOINT, VersionDigest(version, file_digest(checkpoint)))


def _set_aside(table: Path, names: list[str]) -> None:
    directory = table / _SET_ASIDE
    make_directory(directory)
    # The newest entry goes first, so that a crash in between leaves a log without gaps.
    for name in sorted(names, reverse=True):
        (table / LOG / name).replace(directory / name)
    sync_directory(directory)
    sync_directory(table / LOG)
