"""The errors of stored tables; each message has a hint that says what to do."""

import os
import re
from pathlib import Path

from config.errors import MillpondError, Retryable
from config.files import path_of, reason, remedy

_SYSTEM_ERROR = re.compile(r"\(os error (\d{1,3})\)")


class TableError(MillpondError):
    """A table cannot be read or written, and another attempt will not help."""


class DamagedTableError(TableError):
    """The file *path* of a table is missing, or differs from what was written."""

    def __init__(self, doing: str, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(
            f"{doing}: {path} {problem}",
            hint="restore this file, or the table's directory, from a backup; see"
            ' docs/operations.md, "Damaged tables"',
            file=path,
        )


class StorageError(Retryable, MillpondError):
    """The disk or the table's log refused an operation.

    Readers see either all of a commit or none of it.
    """


class ConflictError(Retryable, MillpondError):
    """Another writer committed first; refresh the table and do the work again."""


def storage_error(doing: str, error: OSError) -> StorageError:
    """Return *error* as a ``StorageError``, with the file if the system named it."""
    problem = reason(error)
    if error.filename and str(error.filename) not in problem:
        problem += f": {error.filename}"
    return StorageError(
        f"{doing}: {problem}",
        hint=remedy(error)
        or 'check the disk, and see docs/operations.md, "Damaged tables"',
        file=path_of(error),
    )


def unreadable_error(doing: str, table_name: str, error: BaseException) -> StorageError:
    """Return a library's *error* as a ``StorageError``, without its text.

    The text quotes rows. Only the number of the system's error is taken from it.
    """
    match = _SYSTEM_ERROR.search(str(error))
    if match is not None:
        number = int(match[1])
        return storage_error(
            f"{doing} {table_name}", OSError(number, os.strerror(number))
        )
    return StorageError(
        f"{doing} {table_name}: {type(error).__name__}",
        hint="run `millpond warehouse verify`, which names the damaged files of"
        f' {table_name}; see docs/operations.md, "Damaged tables"',
    )
