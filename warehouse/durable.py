"""Whole small files that survive a power loss: written, created once, or removed.

When a function returns, its effect is on the disk; when the machine dies before that,
the file is the old one or the new one, never a part of either.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def sync_file(path: Path) -> None:
    """Return once what *path* holds is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Return once the names in *path* are on the disk.

    A file that is fsynced but whose name is not is gone after a power loss.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create *path* and its parents, each name durable."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def write_durable(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write *path* whole, in place of what was there."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            fill_file(file.fileno(), content, mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def fill_file(descriptor: int, content: bytes | bytearray, mode: int) -> None:
    """Write *content* to a new file and return once it is on the disk."""
    os.fchmod(descriptor, mode)
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


__all__ = [
    "create_durable",
    "make_directory",
    "remove_durable",
    "sync_directory",
    "sync_file",
    "write_durable",
]

_NO_UNNAMED_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT})


def create_durable(
    path: Path, content: bytes | bytearray, *, mode: int = 0o644
) -> bool:
    """Write *path* unless it exists; say whether this call created it.

    Of several processes one wins, and all return with the winner's file durable.
    """
    try:
        _create(path, content, mode)
        created = True
    except FileExistsError:
        # The winner may have died before its own fsync.
        sync_file(path)
        created = False
    sync_directory(path.parent)
    return created


def _create(path: Path, content: bytes | bytearray, mode: int) -> None:
    """Give *content* the name *path* in one step; raise FileExistsError if taken."""
    try:
        # Without a name until it is whole, so a crash leaves no copy behind.
        descriptor = os.open(path.parent, os.O_WRONLY | os.O_TMPFILE, mode)
    except OSError as error:
        if error.errno not in _NO_UNNAMED_FILES:
            raise
        _create_by_link(path, content, mode)
        return
    with os.fdopen(descriptor, "wb") as file:
        fill_file(file.fileno(), content, mode)
        # Only with a directory descriptor does Python ask the kernel to follow the
        # link in /proc to the file itself.
        with _directory(path.parent) as directory:
            os.link(f"/proc/self/fd/{file.fileno()}", path, src_dir_fd=directory)


def _create_by_link(path: Path, content: bytes | bytearray, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            fill_file(file.fileno(), content, mode)
        os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def _directory(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def remove_durable(path: Path) -> None:
    """Remove *path*, which may be gone already."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)
