"""Opens the shop's list as text that can be read several times."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from config.errors import MillpondError

_GZIP = b"\x1f\x8b"
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class DamagedListError(MillpondError):
    """The shop's list is a gzip file that cannot be read to its end."""


@contextmanager
def open_list(file: Path) -> Iterator[TextIO]:
    """Open *file*, plain or gzip, in UTF-8 or UTF-16; a pipe is read into memory."""
    with file.open("rb") as source, _gzip_errors():
        raw: BinaryIO = source if source.seekable() else BytesIO(source.read())
        if _start(raw) == _GZIP:
            # GzipFile lacks some methods of BinaryIO, which are not used here.
            raw = cast("BinaryIO", gzip.GzipFile(fileobj=raw))
        encoding = "utf-16" if _start(raw) in _WIDE else "utf-8"
        # A quoted cell may contain line ends, so they must not be translated.
        yield TextIOWrapper(raw, encoding, newline="")


@contextmanager
def _gzip_errors() -> Iterator[None]:
    """Raise ``DamagedListError`` for a gzip file that ends early or is damaged."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DamagedListError(
            "read the shop's orders: the gzip file is truncated or damaged",
            hint="export the list again",
        ) from None


def _start(raw: BinaryIO) -> bytes:
    start = raw.read(2)
    raw.seek(0)
    return start
