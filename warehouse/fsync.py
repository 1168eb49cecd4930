"""Make files and directory entries survive a power loss; the standard library only."""

import os
import tempfile
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
