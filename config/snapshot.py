"""A copy of the configuration file in memory, for the processes of one supervisor.

A supervisor checks the file once. Its processes read the copy, also when one of them is
restarted days later. So a file that somebody has begun to edit, or has broken, changes
nothing until a reload.
"""

import os
from collections.abc import Mapping
from pathlib import Path

# Names the descriptor of the copy, which the process inherits.
VARIABLE = "MILLPOND_CONFIG_COPY"


def copy_to_memory(path: Path) -> int:
    """Return the descriptor of a copy of the file at *path*; raises ``OSError``."""
    content = path.read_bytes()
    descriptor = os.memfd_create("millpond.toml")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    return descriptor


def read_text(path: Path, environ: Mapping[str, str]) -> str:
    """Return the text of the file at *path*, or of its copy if there is one.

    Raises ``OSError`` or ``UnicodeDecodeError``.
    """
    descriptor = environ.get(VARIABLE)
    if descriptor is None:
        return path.read_text(encoding="utf-8")
    # Processes share the position in the copy, so nobody may read from there.
    number = int(descriptor)
    return os.pread(number, os.fstat(number).st_size, 0).decode()
