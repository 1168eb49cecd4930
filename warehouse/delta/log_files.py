"""A table's transaction log as files: made durable, and repaired after a power loss.

Delta's writer never fsyncs. What it committed is only kept once ``sync_log`` has
returned; what a power loss tore before that was never promised to anyone and is set
aside. ``_settled`` names the newest version that is known to be durable: nothing up
to it is ever set aside, because damage there is damage, and must stop us.
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
    """Return the versions whose log entries are still there, oldest first."""
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
    """Return the newest version known to be durable, -1 if none is."""
    return read_note(table / SETTLED).version


def sync_log(table: Path, version: int) -> None:
    """Return once every log entry up to *version* is durable.

    Entries of other writers count too: whoever acts on what a version says must
    know that a power loss cannot take it back.
    """
    known = synced_version(table)
    for each in versions(table):
        if known < each <= version:
            sync_file(entry_path(table, each))
    sync_directory(table / LOG)
    if version > known:
        _note_synced(table, version)


def _note_synced(table: Path, version: int) -> None:
    note = VersionDigest(version, file_digest(entry_path(table, version)))
    _write_note(table / SETTLED, note)


def _write_note(path: Path, note: VersionDigest) -> None:
    # Not fsynced: without the note more entries are looked at again, and one is
    # proved by nothing until the next commit.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(encode_note(note))
    temporary.replace(path)


def repair(table: Path) -> list[str]:
    """Set aside what a power loss tore, and return the names of those files."""
    with locked(table / "_repair.lock"):
        names = _torn_checkpoints(table)
        known = synced_version(table)
        present = versions(table)
        names += _torn_entries(table, known, present)
        if names:
            _set_aside(table, names)
    return names


def first_damaged(table: Path, first: int, last: int) -> Path | None:
    """Return the log file that is not as it was written, None where all is well.

    Looks at the checkpoint below *first* and at the entries from *first* to *last*,
    and whether the log reaches as far as was noted. Delta would take an empty entry
    for a commit that changes nothing, a changed one at its word, and a log without its
    end for the whole.
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
    """Return the checkpoint that is missing and that the log cannot do without."""
    noted = read_note(table / CHECKPOINT).version
    if noted <= (-1 if newest is None else newest):
        return None
    reaches_back = newest is not None or 0 in versions(table)
    return None if reaches_back else checkpoint_path(table, noted)


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
    """Return the checkpoints to set aside, and the pointer if it cannot be used.

    The pointer only saves a listing. A checkpoint that is not as it was written goes
    too, where the entries reach back without it; elsewhere it is damage.
    """
    log = table / LOG
    torn = [
        each.name
        for each in log.glob("*.checkpoint.parquet")
        if _is_torn(each) or _is_spare(table, each)
    ]
    pointer = log / LAST_CHECKPOINT
    if pointer.exists() and (torn or pointed_version(table) is None):
        torn.append(pointer.name)
    return torn


def _is_spare(table: Path, checkpoint: Path) -> bool:
    """Return whether a checkpoint is damaged and the log tells all without it."""
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
    """Return once the checkpoint of *version* and the pointer to it are durable."""
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
    # Newest first: a crash in between leaves a log without gaps.
    for name in sorted(names, reverse=True):
        (table / LOG / name).replace(directory / name)
    sync_directory(directory)
    sync_directory(table / LOG)
