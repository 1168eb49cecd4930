"""Reading a log file, packed by gzip or not, from where an import stopped."""

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
_CUT = (EOFError, zlib.error, gzip.BadGzipFile)


class UnreadableLogError(MillpondError):
    """A log file cannot be read, or not to its end."""

    def __init__(self, path: Path, error: BaseException) -> None:
        problem, hint = type(error).__name__, None
        if isinstance(error, OSError) and error.errno:
            problem, hint = reason(error), remedy(error)
        if isinstance(error, _CUT):
            problem = "the packed file is cut off or damaged"
        super().__init__(
            f"read log {path}: {problem}",
            hint=hint or "what came before is kept; import the mended file again",
        )


class LogFile:
    """One open log; *offset* counts bytes of its text, *position* those on disk."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self._path = path
        self._raw = raw
        self._packed = raw.read(2) == _GZIP_MAGIC
        self._text = self._begin()
        self.head = self._head()
        self.offset = 0

    @property
    def position(self) -> int:
        """Return how much of the file on disk has been read."""
        return self._raw.tell()

    def lines(self, offset: int) -> Iterator[bytes]:
        """Yield the lines from *offset* on; one of absurd length comes empty."""
        with _reading(self._path):
            self._text.seek(offset)
        self.offset = offset
        while line := self._line():
            self.offset += len(line)
            yield self._short(line)

    def _short(self, line: bytes) -> bytes:
        if len(line) < LONGEST_LINE or line.endswith(b"\n"):
            return line
        while not line.endswith(b"\n") and (line := self._line()):
            self.offset += len(line)
        return b""

    def _line(self) -> bytes:
        # Not `with`: it would double the time of every line.
        try:
            return self._text.readline(LONGEST_LINE)
        except (OSError, *_CUT) as error:
            raise UnreadableLogError(self._path, error) from None

    def _head(self) -> bytes:
        try:
            return self._text.read(HEAD_BYTES)
        except _CUT:
            # Its lines are read as far as they go; the error comes then, from a
            # reader that has not met it yet.
            self._text = self._begin()
            return b""

    def _begin(self) -> BinaryIO:
        self._raw.seek(0)
        if not self._packed:
            return self._raw
        # What GzipFile lacks of BinaryIO is not needed here.
        return cast("BinaryIO", gzip.GzipFile(fileobj=self._raw))


@contextmanager
def opened(path: Path) -> Iterator[LogFile]:
    """Open the log at *path* while the block runs."""
    with _reading(path):
        raw = path.open("rb")
    with raw:
        with _reading(path):
            log = LogFile(path, raw)
        yield log


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, *_CUT) as error:
        raise UnreadableLogError(path, error) from None
