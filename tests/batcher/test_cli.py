"""``millpond batcher``: what its commands print, and the codes they end with."""

from pathlib import Path

import pytest

from batcher.spool.spool import Spool
from tests.batcher.load.loads import left_over, spool_events, stored_events
from tests.processes import Installation, install
from tests.warehouse.event_rows import event
from warehouse.tables import Warehouse

CONFIG = """\
[privacy]
salt_store = "data/salts"

[[sites]]
id = "shop"
domains = ["shop.example"]
"""


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
    assert (done.returncode, done.stdout) == (0, "drained: 2 events of 1 segments\n")
    assert len(stored_events(warehouse)) == 2
    assert left_over(spool) == []


def test_drain_of_an_empty_spool_is_fine(installation: Installation) -> None:
    done = installation.run("batcher", "drain")

    assert (done.returncode, done.stdout, done.stderr) == (
        *(0, "drained: 0 events of 0 segments\n", ""),
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
