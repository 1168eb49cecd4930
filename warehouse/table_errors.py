"""What can be wrong with a stored table; each error says what to do about it."""

from pathlib import Path

from config.errors import MillpondError, Retryable
from config.files import path_of, reason, remedy


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
            file=path,
        )


class StorageError(Retryable, MillpondError):
    """The disk or the table's log refused; nothing half-written is visible."""


class ConflictError(Retryable, MillpondError):
    """Another writer came first; look at the table again and redo the work."""


def storage_error(doing: str, error: OSError) -> StorageError:
    """Return *error* in our words; it names the file only where the system did."""
    problem = reason(error)
    if error.filename and str(error.filename) not in problem:
        problem += f": {error.filename}"
    return StorageError(
        f"{doing}: {problem}",
        hint=remedy(error)
        or 'see the disk\'s health and docs/operations.md, "Damaged tables"',
        file=path_of(error),
    )
