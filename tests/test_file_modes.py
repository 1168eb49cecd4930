"""Nobody but the owner and the group can read what Millpond writes."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.files import restrict_new_files
from tests.processes import install, load_and_build, running
from tests.senders import FIREFOX

OTHERS = stat.S_IRWXO
GROUP_WRITES = stat.S_IWGRP


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Run a block under *mask*, which the processes it starts inherit."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Return what others can reach, or the group can change, below *folder*."""
    return [
        f"{path.relative_to(folder)} {stat.S_IMODE(mode):o}"
        for path, mode in modes(folder)
        if mode & (OTHERS | GROUP_WRITES)
    ]


def modes(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield each file below *folder* and its mode."""
    for path in sorted(folder.rglob("*")):
        # A process that ends removes its sockets and temporary files.
        with suppress(FileNotFoundError):
            yield path, path.lstat().st_mode


def test_spool_tables_and_state_are_closed_to_others(tmp_path: Path) -> None:
    installation = install(tmp_path)
    event = {"site": "shop", "url": "https://shop.example/"}
    with umask(0), running(installation, "proxy run"):
        connection = installation.connect()
        headers = {"User-Agent": FIREFOX, "X-Forwarded-For": "203.0.113.7"}
        connection.request("POST", "/v1/events", json.dumps(event), headers)
        assert connection.getresponse().status == 202
        connection.close()
        load_and_build(installation)
        assert open_to_others(installation.data) == []
    written = {path.suffix for path in installation.data.rglob("*")}

    assert {".parquet", ".json"} <= written
    assert open_to_others(installation.data) == []


def test_a_stricter_mask_of_the_operator_stays(tmp_path: Path) -> None:
    with umask(0o077):
        restrict_new_files()
        (tmp_path / "new").touch()
        got = stat.S_IMODE((tmp_path / "new").stat().st_mode)

    assert got == 0o600
