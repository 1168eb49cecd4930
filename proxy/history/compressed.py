"""Opens a log file as text, whether it is plain or compressed by gzip, bzip2 or zstd.

Python's library has no zstd, so the program ``zstd`` unpacks it.
"""

import bz2
import gzip
import io
import os
import shutil
import subprocess
import zlib
from typing import Any, BinaryIO, cast

_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
_ZSTD = b"\x28\xb5\x2f\xfd"
_MAGIC_BYTES = 4
_COPY_BYTES = 1 << 20
_PROGRAM = "zstd"

DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


class MissingProgramError(Exception):
    """The program that unpacks a file is not installed."""


def open_text(raw: BinaryIO) -> BinaryIO:
    """Return the text of *raw* from its start; it raises ``DAMAGE`` where it is cut."""
    raw.seek(0)
    magic = raw.read(_MAGIC_BYTES)
    raw.seek(0)
    # The library's classes lack some methods of BinaryIO, which are not used here.
    if magic.startswith(_GZIP):
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
    if magic.startswith(_BZIP2):
        return cast("BinaryIO", _Bzip2File(raw))
    if magic == _ZSTD:
        return cast("BinaryIO", io.BufferedReader(_ZstdStream(raw), _COPY_BYTES))
    return raw


class _Bzip2File(bz2.BZ2File):
    """A bzip2 file whose damage is an ``EOFError``, not one of the system's errors."""

    def readline(self, size: int | None = -1) -> bytes:  # type: ignore[override] # a SupportsIndex in typeshed
        try:
            return super().readline(-1 if size is None else size)
        except OSError as error:
            raise _damage(error) from None

    def read(self, size: int | None = -1) -> bytes:
        try:
            return super().read(-1 if size is None else size)
        except OSError as error:
            raise _damage(error) from None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return super().seek(offset, whence)
        except OSError as error:
            raise _damage(error) from None


def _damage(error: OSError) -> Exception:
    return error if error.errno else EOFError()


class _ZstdStream(io.RawIOBase):
    """The output of ``zstd``, which reads the file through the same descriptor.

    It can only be read forwards; a step back starts the program again.
    """

    def __init__(self, raw: BinaryIO) -> None:
        program = shutil.which(_PROGRAM)
        if program is None:
            raise MissingProgramError
        self._program = program
        self._raw = raw
        self._process: subprocess.Popen[bytes] | None = None
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        process = self._process or self._start()
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        view = memoryview(buffer)
        chunk = process.stdout.read(len(view))
        if not chunk and process.wait():
            raise EOFError
        view[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR and not offset:
            return self._position
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation
        if offset < self._position or self._process is None:
            self._stop()
            self._start()
        while self._position < offset:
            if not self.read(min(_COPY_BYTES, offset - self._position)):
                break
        return self._position

    def close(self) -> None:
        self._stop()
        super().close()

    def _start(self) -> "subprocess.Popen[bytes]":
        os.lseek(self._raw.fileno(), 0, os.SEEK_SET)
        self._position = 0
        self._process = subprocess.Popen(  # noqa: S603 - the path comes from PATH
            [self._program, "-dcq"],
            stdin=self._raw,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        process.stdout.close()
        process.kill()
        process.wait()
