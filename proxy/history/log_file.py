"""Reads a log file, plain or compressed, from the position where an import stopped."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from config.errors import MillpondError
from config.files import reason, remedy
from proxy.history.compressed import DAMAGE, MissingProgramError, open_text

LONGEST_LINE = 65_536
HEAD_BYTES = 4_096
_SAMPLE_PARTS = 16


class UnreadableLogError(MillpondError):
    """A log file cannot be read to its end."""

    def __init__(self, path: Path, error: BaseException) -> None:
        problem, hint = type(error).__name__, None
        if isinstance(error, OSError) and error.errno:
            problem, hint = reason(error), remedy(error)
        if isinstance(error, DAMAGE):
            problem = "the compressed file is truncated or damaged"
        if isinstance(error, MissingProgramError):
            problem = "the program zstd is not installed"
            hint = "install it, or unpack the file first"
        super().__init__(
            f"read log {path}: {problem}",
            hint=hint or "earlier lines are imported; import the repaired file again",
        )


class LogFile:
    """One open log; *offset* counts bytes of text, *position* bytes on the disk.

    *head* is the start of the text, and *sample* a longer start of whole lines.
    """

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self._path = path
        self._raw = raw
        self._text = open_text(raw)
        try:
            self.head = self._read_head()
            self.sample = self._read_sample()
        except BaseException:
            self.close()
            raise
        self.offset = 0

    @property
    def position(self) -> int:
        """The number of bytes read from the file on the disk."""
        if self._text is self._raw:
            return self._raw.tell()
        return os.lseek(self._raw.fileno(), 0, os.SEEK_CUR)

    def close(self) -> None:
        """Close the file, and end the program that unpacks it."""
        self._text.close()

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
        except (OSError, *DAMAGE) as error:
            raise UnreadableLogError(self._path, error) from None

    def _read_head(self) -> bytes:
        try:
            return self._text.read(HEAD_BYTES)
        except DAMAGE:
            self._reopen()
            return b""

    def _read_sample(self) -> list[bytes]:
        """Return the first lines, as far as they can be read."""
        text = self.head
        try:
            for _ in range(_SAMPLE_PARTS):
                text += self._text.read(HEAD_BYTES)
        except DAMAGE:
            self._reopen()
        lines = text.splitlines()
        is_whole = text.endswith(b"\n") or len(text) < HEAD_BYTES
        return lines if is_whole else lines[:-1]

    def _reopen(self) -> None:
        """Start again, so that the lines before the damage are still imported.

        The error occurs again after them.
        """
        if self._text is not self._raw:
            self._text.close()
        self._text = open_text(self._raw)


@contextmanager
def open_log(path: Path) -> Iterator[LogFile]:
    """Open the log at *path* while the block runs."""
    with _convert_errors(path):
        raw = path.open("rb")
    with raw:
        with _convert_errors(path):
            log = LogFile(path, raw)
        try:
            yield log
        finally:
            log.close()


@contextmanager
def _convert_errors(path: Path) -> Iterator[None]:
    """Raise errors of the operating system and of a damaged file as our own."""
    try:
        yield
    except (OSError, MissingProgramError, *DAMAGE) as error:
        raise UnreadableLogError(path, error) from None
