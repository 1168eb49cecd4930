"""A message about a system error names the file of the table."""

import errno
import os
from pathlib import Path

from warehouse.table_errors import storage_error


def test_a_file_without_read_permission_is_named_once(tmp_path: Path) -> None:
    refused = PermissionError(
        errno.EACCES, os.strerror(errno.EACCES), os.fspath(tmp_path)
    )

    message = storage_error("read events", refused).message

    assert message.count(os.fspath(tmp_path)) == 1
    assert "belongs to" in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = os.fspath(tmp_path / "part-0.parquet")
    error = storage_error("read events", FileNotFoundError(errno.ENOENT, "", path))

    assert error.message == f"read events: ENOENT: {path}"
