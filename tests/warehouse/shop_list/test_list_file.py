"""The shop's list is opened in its encoding, packed or not, and read twice."""

import gzip
import os
from pathlib import Path
from threading import Thread

import pytest

from config.errors import MillpondError
from warehouse.shop_list.list_file import open_list

TEXT = 'id,total\r\n"7\n8",5,00 \u20ac\r\n' * 900


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
def test_a_list_is_read_twice_in_its_encoding(
    tmp_path: Path, encoding: str, *, is_packed: bool
) -> None:
    content = TEXT.encode(encoding)
    path = tmp_path / "list"
    path.write_bytes(gzip.compress(content) if is_packed else content)

    with open_list(path) as lines:
        first = lines.read()
        lines.seek(0)
        second = lines.read()

    assert first.removeprefix("\ufeff") == TEXT
    assert second == first


def test_a_packed_list_is_read_from_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=(gzip.compress(TEXT.encode()),))
    writer.start()

    with open_list(pipe) as lines:
        got = lines.read()

    writer.join()
    assert got == TEXT


def test_a_truncated_list_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "list.gz"
    path.write_bytes(gzip.compress(TEXT.encode())[:-9])

    with (
        pytest.raises(MillpondError, match="truncated or damaged"),
        open_list(path) as lines,
    ):
        lines.read()
