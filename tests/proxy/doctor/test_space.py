"""A disk without room is a finding; one that the spool could fill is looked at."""

import os
from pathlib import Path

import pytest

from config.settings import Settings, SpoolSettings, WarehouseSettings
from proxy.doctor.space import FreeSpace, free_space, space_finding, warehouse_space

SPOOL = SpoolSettings(segment_max_mb=32, max_bytes=2_000_000_000)
SEGMENT_BYTES = 32 << 20


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        pytest.param(
            FreeSpace(0, 9),
            "finding 0 MB are free: the proxy will refuse events",
            id="nothing",
        ),
        pytest.param(
            FreeSpace(SEGMENT_BYTES - 1, None), "finding 34 MB", id="no segment"
        ),
        pytest.param(FreeSpace(SEGMENT_BYTES, None), "look it may grow", id="one"),
        pytest.param(
            FreeSpace(10**12, 0),
            "finding 1,000,000 MB are free, and no file can be created",
            id="no file",
        ),
        pytest.param(FreeSpace(10**12, None), "fine 5 MB used", id="enough"),
    ],
)
def test_free_space_is_judged_by_what_the_spool_needs(
    free: FreeSpace, expected: str
) -> None:
    result = space_finding(SPOOL, 5_000_000, free)

    assert f"{result.level} {result.text}".startswith(expected)


def test_the_free_space_of_this_disk_is_what_the_system_says(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)

    assert free_space(tmp_path).size_bytes <= found.f_blocks * found.f_frsize


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="no file system without room"
)
def test_a_warehouse_on_a_full_disk_is_a_finding(tmp_path: Path) -> None:
    # /proc has no free space at all.
    full = Settings(warehouse=WarehouseSettings(uri="/proc/self/warehouse"))
    free = Settings(
        warehouse=WarehouseSettings(uri=str(tmp_path)),
        spool=SpoolSettings(segment_max_mb=1),
    )

    (result,) = warehouse_space(full)
    assert result.text == "0 MB are free: the batcher cannot write tables"
    assert list(warehouse_space(free)) == []
