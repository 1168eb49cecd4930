"""What the person who starts an import chooses."""

from datetime import UTC, tzinfo
from typing import NamedTuple


class ImportOptions(NamedTuple):
    """The options of one import.

    *server* keeps the logs of several servers apart. *format_name* is the format of
    all files; without it each file's own is recognised. Times without an offset are in
    *zone*.
    """

    server: str = ""
    format_name: str | None = None
    zone: tzinfo = UTC
