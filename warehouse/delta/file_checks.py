"""Data files held to the digest in their name, each once in the life of a process.

A data file never changes, and neither Polars nor a Parquet footer notices a changed
bit in it. Its name carries the SHA-256 of its bytes, cut to 128 bits; the table's log
carries the name.
"""

from collections.abc import Sequence
from pathlib import Path

from warehouse.delta.data_files import DataFile, content_digest, digest_in_name
from warehouse.table_errors import DamagedTableError

# More than a table has files; past it they are read again.
_MOST_NOTED = 100_000


class FileChecks:
    """Which data files this process has found to be as they were written."""

    def __init__(self) -> None:
        self._sound: set[Path] = set()

    def check(self, doing: str, root: Path, files: Sequence[DataFile]) -> None:
        """Raise ``DamagedTableError`` for the first of *files* that is damaged."""
        for file in files:
            path = root / file.path
            if path in self._sound:
                continue
            problem = damage(root, file)
            if problem is not None:
                raise DamagedTableError(doing, path, problem)
            if len(self._sound) >= _MOST_NOTED:
                self._sound.clear()
            self._sound.add(path)


def damage(root: Path, file: DataFile) -> str | None:
    """Return what is wrong with a data file, None where nothing is known to be.

    A file of an earlier version has no digest in its name: only its size is known.
    """
    path = root / file.path
    try:
        if path.stat().st_size != file.size_bytes:
            return "is not as long as it was written"
        wanted = digest_in_name(path.name)
        if wanted is not None and content_digest(path) != wanted:
            return "is damaged: its bytes are not those that were written"
    except FileNotFoundError:
        return "is missing"
    return None
