"""Reads a log file, plain or gzip, from the position where an import stopped."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from config.errors import MillpondError
from config.files import reason, remedy

LONGEST_LINE = 65_536
HEAD_BYTES = 4_096
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile)


class UnreadableLogError(MillpondError):
    """A log file cannot be read to its end."""

    def __init__(self, path: Path, error: BaseException) -> None:
        problem, hint = type(error).__name__, None
        if isinstance(error, OSError) and error.errno:
            problem, hint = reason(error), remedy(error)
        if isinstance(error, _GZIP_ERRORS):
            problem = "the gzip file is truncated or damaged"
        super().__init__(
            f"read log {path}: {problem}",
            hint=hint or "earlier lines are imported; import the repaired file again",
        )


class LogFile:
    """One open log; *offset* counts bytes of text, *position* bytes on the disk."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self._path = path
        self._raw = raw
        self._is_gzip = raw.read(2) == _GZIP_MAGIC
        self._text = self._open_text()
        self.head = self._read_head()
        self.offset = 0

    @property
    def position(self) -> int:
        """The number of bytes read from the file on the disk."""
        return self._raw.tell()

    def lines(self, offset: int) -> Iterator[bytes]:
        """Yield the lines from *offset* on; a line over ``LONGEST_LINE`` is empty."""
        with _convert_errors(self._path):
            self._text.seek(offset)
        self.offset = offset
        while line := self._read_line():
            self.offset += len(line)
            yield self._skip_if_long(line)

    def _skip_if_long(self, line: bytes) -> bytes:
        if len(line) < LONGEST_LINE or line.endswith(b"\n"):
            return line
        while not line.endswith(b"\n") and (line := self._read_line()):
            self.offset += len(line)
        return b""

    def _read_line(self) -> bytes:
        # Not _convert_errors: a context manager would double the time of every line.
        try:
            return self._text.readline(LONGEST_LINE)
        except (OSError, *_GZIP_ERRORS) as error:
            raise UnreadableLogError(self._path, error) from None

    def _read_head(self) -> bytes:
        try:
            return self._text.read(HEAD_BYTES)
        except _GZIP_ERRORS:
            # Reopened, so that the lines before the damage are still imported; the
            # error occurs again after them.
            self._text = self._open_text()
            return b""

    def _open_text(self) -> BinaryIO:
        self._raw.seek(0)
        if not self._is_gzip:
            return self._raw
        # GzipFile lacks some methods of BinaryIO, which are not used here.
        return cast("BinaryIO", gzip.GzipFile(fileobj=self._raw))


@contextmanager
def open_log(path: Path) -> Iterator[LogFile]:
    """Open the log at *path* while the block runs."""
    with _convert_errors(path):
        raw = path.open("rb")
    with raw:
        with _convert_errors(path):
            log = LogFile(path, raw)
        yield log


@contextmanager
def _convert_errors(path: Path) -> Iterator[None]:
    """Raise errors of the operating system and gzip as ``UnreadableLogError``."""
    try:
        yield
    except (OSError, *_GZIP_ERRORS) as error:
        raise UnreadableLogError(path, error) from None
