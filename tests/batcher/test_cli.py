"""``millpond batcher``: what its commands print, and the codes they end with."""

from pathlib import Path

import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.load.loads import left_over, spool_events, stored_events
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


def test_drain_loads_what_waits_and_says_so_in_a_line(
    installation: Installation,
) -> None:
    spool = Spool(Path(installation.settings.spool.dir))
    spool_events(spool, [event(path="/a")], [event(path="/b")])

    done = installation.run("batcher", "drain")

    warehouse = Warehouse(Path(installation.settings.warehouse.uri))
    assert (done.returncode, done.stdout) == (0, f"drained: 2 received, 2 {REST}\n")
    assert len(stored_events(warehouse)) == 2
    assert left_over(spool) == []


def test_drain_of_an_empty_spool_is_fine(installation: Installation) -> None:
    done = installation.run("batcher", "drain")

    assert (done.returncode, done.stdout, done.stderr) == (
        *(0, f"drained: 0 received, 0 {REST}\n", ""),
    )


def test_drain_accounts_for_all_that_was_received(installation: Installation) -> None:
    spool = Spool(Path(installation.settings.spool.dir))
    drop = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)
    same = event(path="/a", event_id=Hash64(1))
    spool_events(spool, [same], [same, event(path="/b")], drops=[drop])

    done = installation.run("batcher", "drain")

    assert (done.returncode, done.stdout) == (
        0,
        (
            "drained: 6 received, 2 loaded, 1 duplicates, 3 dropped;"
            " 0 frames missing, 0 segments set aside\n"
        ),
    )


def test_drain_fails_once_for_what_is_missing_or_set_aside(
    installation: Installation,
) -> None:
    spool = Spool(Path(installation.settings.spool.dir))
    lane = Lane.open(spool, "lane-000", installation.settings.spool)
    for path in ("/a", "/b", "/c", "/d"):
        lane.commit(lines([event(path=path)]), [])
        lane.seal()
    lane.close()
    _, second, _, last = (each.path for each in spool.sealed())
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
def test_wrong_settings_are_told_and_nothing_is_made(
    tmp_path: Path, installation: Installation, command: str
) -> None:
    installation.config.write_text("[jobs]\nload_every_s = 0\n")

    done = installation.run("batcher", command)

    assert (done.returncode, done.stdout) == (2, "")
    assert "jobs.load_every_s" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["run", "drain"])
def test_help_ends_with_an_example(installation: Installation, command: str) -> None:
    done = installation.run("batcher", command, "--help")

    last = done.stdout.strip().splitlines()[-1].strip()
    assert last == f"millpond batcher {command} --config millpond.toml"


def test_a_salt_store_open_to_others_is_a_data_problem(
    tmp_path: Path, installation: Installation
) -> None:
    (tmp_path / "data" / "salts").mkdir(parents=True, mode=0o755)

    done = installation.run("batcher", "run")

    assert done.returncode == 3
    assert "chmod 700" in done.stderr
