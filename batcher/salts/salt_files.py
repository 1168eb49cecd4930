"""The files of a salt directory: their names, their public part, their removal.

Files are opened by name in the descriptor *folder* of the open directory. So another
directory that takes its place meanwhile is not used.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from urllib.parse import quote, unquote

from batcher.salts.store import (
    COMMITMENT_BYTES,
    MARKER_BYTES,
    SALT_BYTES,
    STORED_BYTES,
    SaltMark,
)

READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def closing_file(file: int) -> Iterator[None]:
    """Close the descriptor *file* after the block."""
    try:
        yield
    finally:
        os.close(file)


def salt_name(zone: str, day: date) -> str:
    """Return the name of the file with the salt of *day* in *zone*."""
    return f"{quote(zone, safe='')}@{day.isoformat()}.salt"


def file_names(folder: int) -> list[str]:
    """Return the names of all files in the directory *folder*, in order."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries)


def parse_salt_name(name: str) -> tuple[str, date] | None:
    """Return the zone and date in a file name; None if no salt has such a name."""
    zone, at, rest = name.partition("@")
    if not at or not rest.endswith(".salt"):
        return None
    try:
        return unquote(zone), date.fromisoformat(rest.removesuffix(".salt"))
    except ValueError:
        return None


def read_mark(folder: int, name: str, zone: str, day: date) -> SaltMark:
    """Return the public part of the salt in the file *name*."""
    marker, stored_commitment = read_public(folder, name)
    return SaltMark(
        zone=zone, day=day, marker=marker.hex(), commitment=stored_commitment.hex()
    )


def read_public(folder: int, name: str) -> tuple[bytes, bytes]:
    """Return marker and commitment; empty if the file is damaged or was removed."""
    try:
        file = os.open(name, READ_FLAGS, dir_fd=folder)
    except FileNotFoundError:
        return b"", b""
    with closing_file(file):
        if os.fstat(file).st_size != STORED_BYTES:
            return b"", b""
        marker = os.pread(file, MARKER_BYTES, 0)
        stored_commitment = os.pread(file, COMMITMENT_BYTES, SALT_BYTES)
    # A destruction that crashed before it removed the file leaves zeros.
    return (marker, stored_commitment) if any(marker) else (b"", b"")


def shred(folder: int, name: str) -> None:
    """Overwrite the file in place, make that durable, then remove the file."""
    try:
        file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return
    with closing_file(file):
        os.pwrite(file, bytes(max(STORED_BYTES, os.fstat(file).st_size)), 0)
        os.fsync(file)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
