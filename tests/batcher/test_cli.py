"""The commands of ``millpond batcher``: their output and exit codes."""

from pathlib import Path

import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import left_over, spool_events, stored_events
from tests.processes import Installation, install
from tests.warehouse.event_rows import DAY, event, lines
from warehouse.schema import Drop, Hash64
from warehouse.tables import Warehouse

CONFIG = """\
[privacy]
salt_store = "data/salts"

[[sites]]
id = "shop"
domains = ["shop.example"]
"""


REST = "loaded, 0 duplicates, 0 dropped; 0 frames missing, 0 segments set aside"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return install(tmp_path, text=CONFIG)


def test_drain_loads_the_spool_and_prints_one_line(
    installation: Installation,
) -> None:
    spool = Spool(Path(installation.settings.spool.dir))
    spool_events(spool, [event(path="/a")], [event(path="/b")])

    completed = installation.run("batcher", "drain")

    warehouse = Warehouse(Path(installation.settings.warehouse.uri))
    assert (completed.returncode, completed.stdout) == (
        0,
        f"drained: 2 received, 2 {REST}\n",
    )
    assert len(stored_events(warehouse)) == 2
    assert left_over(spool) == []


def test_drain_of_an_empty_spool_is_no_error(installation: Installation) -> None:
    completed = installation.run("batcher", "drain")

    assert (completed.returncode, completed.stdout, completed.stderr) == (
        *(0, f"drained: 0 received, 0 {REST}\n", ""),
    )


def test_drain_accounts_for_every_received_hit(installation: Installation) -> None:
    spool = Spool(Path(installation.settings.spool.dir))
    drop = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)
    same = event(path="/a", event_id=Hash64(1))
    spool_events(spool, [same], [same, event(path="/b")], drops=[drop])

    completed = installation.run("batcher", "drain")

    assert (completed.returncode, completed.stdout) == (
        0,
        (
            "drained: 6 received, 2 loaded, 1 duplicates, 3 dropped;"
            " 0 frames missing, 0 segments set aside\n"
        ),
    )


def test_drain_fails_once_for_missing_frames_and_damaged_segments(
    installation: Installation,
) -> None:
    spool = Spool(Path(installation.settings.spool.dir))
    lane = Lane.open(spool, "lane-000", installation.settings.spool)
    for path in ("/a", "/b", "/c", "/d"):
        lane.commit(lines([event(path=path)]), [])
        lane.seal()
    lane.close()
    _, second, _, last = (segment.path for segment in spool.sealed())
    second.unlink()
    last.write_bytes(last.read_bytes() + b"?")
    first, again = (installation.run("batcher", "drain") for _ in range(2))

    assert (first.returncode, first.stdout) == (
        3,
        (
            "drained: 3 received, 3 loaded, 0 duplicates, 0 dropped;"
            " 1 frames missing, 1 segments set aside\n"
        ),
    )
    assert "drain the spool: 1 frames are missing, 1 segments were set aside" in (
        first.stderr
    )
    assert 'see docs/operations.md, "Damaged and missing segments"' in first.stderr
    assert (again.returncode, again.stdout) == (
        0,
        (
            "drained: 0 received, 0 loaded, 0 duplicates, 0 dropped;"
            " 0 frames missing (1 earlier), 0 segments set aside (1 earlier)\n"
        ),
    )


@pytest.mark.parametrize("command", ["run", "drain"])
def test_invalid_settings_are_named_and_no_file_is_created(
    tmp_path: Path, installation: Installation, command: str
) -> None:
    installation.config.write_text("[jobs]\nload_every_s = 0\n")

    completed = installation.run("batcher", command)

    assert (completed.returncode, completed.stdout) == (2, "")
    assert "jobs.load_every_s" in completed.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["run", "drain"])
def test_help_ends_with_an_example(installation: Installation, command: str) -> None:
    completed = installation.run("batcher", command, "--help")

    last = completed.stdout.strip().splitlines()[-1].strip()
    assert last == f"millpond batcher {command} --config millpond.toml"


def test_a_salt_store_readable_by_others_is_a_data_problem(
    tmp_path: Path, installation: Installation
) -> None:
    (tmp_path / "data" / "salts").mkdir(parents=True, mode=0o755)

    completed = installation.run("batcher", "run")

    assert completed.returncode == 3
    assert "chmod 700" in completed.stderr
