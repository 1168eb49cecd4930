"""Write, create or remove small whole files so that the effect survives a power loss.

When a function returns, its effect is on the disk. If the machine stops before that,
the file is the old one or the new one, never a part of one.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# For the owner and the group: others have no reason to read what visitors did.
FILE_MODE = 0o640
DIRECTORY_MODE = 0o750


def sync_file(path: Path) -> None:
    """Return once the content of *path* is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Return once the file names in *path* are on the disk.

    A power loss removes a file if its content was fsynced but its name was not.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create *path* and its parents, and make their names durable."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    sync_directory(path.parent)


def write_durable(path: Path, content: bytes, *, mode: int = FILE_MODE) -> None:
    """Write *path* as a whole; replace an existing file."""
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
    """Write *content* to a new file, and return once the content is on the disk."""
    os.fchmod(descriptor, mode)
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


__all__ = [
    "DIRECTORY_MODE",
    "FILE_MODE",
    "create_durable",
    "make_directory",
    "remove_durable",
    "sync_directory",
    "sync_file",
    "write_durable",
]

_NO_UNNAMED_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT})


def create_durable(
    path: Path, content: bytes | bytearray, *, mode: int = FILE_MODE
) -> bool:
    """Write *path* unless it exists; return whether this call created it.

    If several processes call this, one creates the file. All return once that file is
    durable.
    """
    try:
        _create(path, content, mode)
        created = True
    except FileExistsError:
        # The process that created the file may have died before its own fsync.
        sync_file(path)
        created = False
    sync_directory(path.parent)
    return created


def _create(path: Path, content: bytes | bytearray, mode: int) -> None:
    """Create *path* with *content* in one step; raise FileExistsError if it exists."""
    try:
        # The file has no name until it is whole, so that a crash leaves no part of it.
        descriptor = os.open(path.parent, os.O_WRONLY | os.O_TMPFILE, mode)
    except OSError as error:
        if error.errno not in _NO_UNNAMED_FILES:
            raise
        _create_by_link(path, content, mode)
        return
    with os.fdopen(descriptor, "wb") as file:
        fill_file(file.fileno(), content, mode)
        # Python asks the kernel to follow the link in /proc to the file only if a
        # directory descriptor is passed.
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
    """Remove *path*; the file may not exist."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)
