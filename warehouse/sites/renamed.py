"""The record of finished renames: without it, a load would search all tables each time.

This module does not import Polars.
"""

from collections.abc import Mapping
from pathlib import Path

from warehouse.checked_file import DamagedFileError, read_checked, write_checked

_NAME = "renamed-sites.json"


def is_renamed(root: Path, renames: Mapping[str, str]) -> bool:
    """Return whether the tables at *root* have exactly *renames* behind them.

    A damaged record counts as absent: a rename can be repeated.
    """
    try:
        return read_checked(root / _NAME, dict[str, str]) == renames
    except FileNotFoundError:
        return not renames
    except DamagedFileError:
        return False


def note_renamed(root: Path, renames: Mapping[str, str]) -> None:
    """Record durably that all rows have the new names."""
    write_checked(root / _NAME, dict(renames))
