"""Compare data files with the digest in their names, once per file and process.

A data file never changes, and neither Polars nor the Parquet footer detects a changed
bit. The name of the file contains the SHA-256 of its bytes, cut to 128 bits, and the
table's log contains the name.
"""

from collections.abc import Sequence
from pathlib import Path

from warehouse.delta.data_files import DataFile, content_digest, digest_in_name
from warehouse.table_errors import DamagedTableError

# A table has fewer files than this. With more, the files are checked again.
_MOST_REMEMBERED = 100_000


class FileChecks:
    """The data files that this process has checked and found undamaged."""

    def __init__(self) -> None:
        self._undamaged: set[Path] = set()

    def check(self, doing: str, root: Path, files: Sequence[DataFile]) -> None:
        """Raise ``DamagedTableError`` for the first of *files* that is damaged."""
        for file in files:
            path = root / file.path
            if path in self._undamaged:
                continue
            problem = damage(root, file)
            if problem is not None:
                raise DamagedTableError(doing, path, problem)
            if len(self._undamaged) >= _MOST_REMEMBERED:
                self._undamaged.clear()
            self._undamaged.add(path)


def damage(root: Path, file: DataFile) -> str | None:
    """Return the damage of a data file, None if none is found.

    A file of an earlier version of Millpond has no digest in its name: only its size
    can be checked.
    """
    path = root / file.path
    try:
        if path.stat().st_size != file.size_bytes:
            return "does not have the size that was written"
        expected = digest_in_name(path.name)
        if expected is not None and content_digest(path) != expected:
            return "is damaged: its bytes differ from those that were written"
    except FileNotFoundError:
        return "is missing"
    return None
