"""Small JSON files with a checksum after the document, so that damage is detected."""

import contextlib
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import msgspec

from config.errors import MillpondError
from warehouse.durable import FILE_MODE, write_durable

T = TypeVar("T")


class DamagedFileError(MillpondError):
    """The content of a file differs from what was written; none of it may be used."""


def write_checked(path: Path, document: object, *, mode: int = FILE_MODE) -> None:
    """Write *document* durably as a whole; replace an existing file."""
    text = msgspec.json.encode(document)
    write_durable(path, b"%b\n%08x\n" % (text, crc32(text)), mode=mode)


def read_checked(path: Path, kind: type[T]) -> T:
    """Return the document; raise ``DamagedFileError`` or ``FileNotFoundError``."""
    text, _, checksum = path.read_bytes().partition(b"\n")
    if checksum == b"%08x\n" % crc32(text):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(text, type=kind)
    raise DamagedFileError(
        f"read {path}: the file is damaged",
        hint='see docs/operations.md, "Damaged and missing segments"',
        file=path,
    )
