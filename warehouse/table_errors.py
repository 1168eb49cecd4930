"""What can be wrong with a stored table; each error says what to do about it."""

import errno
from pathlib import Path

from config.errors import MillpondError, Retryable

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})


class TableError(MillpondError):
    """A table cannot be read or written, and trying again will not help."""


class DamagedTableError(TableError):
    """A file of a table is missing, or not as it was written; *path* is the file."""

    def __init__(self, doing: str, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(
            f"{doing}: {path} {problem}",
            hint="restore this file, or the table's directory, from a backup; see"
            ' docs/operations.md, "Damaged tables"',
        )


class StorageError(Retryable, MillpondError):
    """The disk or the table's log refused; nothing half-written is visible."""


class ConflictError(Retryable, MillpondError):
    """Another writer came first; look at the table again and redo the work."""


def storage_error(doing: str, error: OSError) -> StorageError:
    """Return *error* in our words; it names the file only where the system did."""
    what = error.strerror or type(error).__name__
    named = f": {error.filename}" if error.filename else ""
    return StorageError(f"{doing}: {what}{named}", hint=_hint(error.errno))


def _hint(number: int | None) -> str:
    if number in _NO_SPACE:
        return "free some space on the disk that holds warehouse.uri"
    if number == errno.EROFS:
        return "the disk is read-only: see why, and mount it for writing again"
    if number in _NOT_ALLOWED:
        return "the user Millpond runs as must own warehouse.uri and all in it"
    return 'see the disk\'s health and docs/operations.md, "Damaged tables"'
