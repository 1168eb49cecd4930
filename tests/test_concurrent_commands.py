"""Two commands at once on one warehouse leave the rows of one after the other.

Uses real processes that start at the same moment, on a table of an earlier version, so
that both commands also add columns.
"""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import combinations_with_replacement
from pathlib import Path
from shutil import copytree
from typing import NamedTuple

import polars as pl
import pytest

import millpond
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import spool_events
from tests.warehouse.delta.test_missing_columns import EARLIER
from tests.warehouse.event_rows import event, frame
from warehouse.lifecycle.row_account import count_findings, repeat_findings
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS, Event, Hash64
from warehouse.tables import Warehouse

COMMANDS = {
    "load": ("batcher", "drain"),
    "build": ("warehouse", "build"),
    "compact": ("warehouse", "compact"),
    "retain": ("warehouse", "retain"),
    "rebuild": ("warehouse", "build", "--full"),
}
PAIRS = list(combinations_with_replacement(COMMANDS, 2))
QUICK_PAIRS = [("load", "load"), ("load", "compact"), ("compact", "compact")]
SPOOLS = ("one", "other")
DAYS = 3
_CONFIG = """
[spool]
dir = "{root}/{spool}"
[warehouse]
uri = "{root}/warehouse"
keep_events_days = {keep}
[privacy]
key_dir = "{root}/keys"
salt_store = "{root}/salts"
[[sites]]
id = "shop"
domains = ["shop.example"]
"""


class CommandWarehouse(NamedTuple):
    """A warehouse with two spools, and a configuration for each spool."""

    root: Path

    def configure(self) -> None:
        """Write the configurations; retention removes the oldest day."""
        for spool in SPOOLS:
            text = _CONFIG.format(root=self.root, spool=spool, keep=DAYS - 2)
            (self.root / f"{spool}.toml").write_text(text)

    def copy_as(self, name: str) -> "CommandWarehouse":
        """Return a copy with its own configurations."""
        setup = CommandWarehouse(self.root.with_name(name))
        copytree(self.root, setup.root)
        setup.configure()
        return setup

    def command(self, name: str, spool: str) -> list[str]:
        """Return the arguments of a command with one of the configurations."""
        return [*COMMANDS[name], "--config", str(self.root / f"{spool}.toml")]

    def state(self) -> list[pl.DataFrame]:
        """Build, and return the rows of the tables in a fixed order."""
        assert millpond.run(self.command("build", "one")) == 0
        warehouse = Warehouse(self.root / "warehouse")
        tables = (EVENTS, DROPS, SESSIONS, DAILY_STATS)
        return [_sorted(warehouse.view(table).read()) for table in tables]


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    if "count" in frame.columns:
        key = [name for name in frame.columns if name != "count"]
        frame = frame.group_by(key).agg(pl.col("count").sum())
    plain = frame.drop("items", strict=False)
    return plain.sort(plain.columns)


def _today(tmp_path: Path) -> date:
    """Return the date that is today for the commands."""
    stamp = tmp_path / "stamp"
    stamp.touch()
    return datetime.fromtimestamp(stamp.stat().st_mtime, UTC).date()


def _events(today: date, ids: range) -> list[Event]:
    return [
        event(
            event_id=Hash64(number),
            seq=number,
            visitor=Hash64(number % 5),
            day=today - timedelta(days=number % DAYS),
        )
        for number in ids
    ]


@pytest.fixture
def setup(tmp_path: Path) -> CommandWarehouse:
    """Return a warehouse of an earlier version, and spools with some duplicates."""
    setup = CommandWarehouse(tmp_path / "base")
    today = _today(tmp_path)
    table = Warehouse(setup.root / "warehouse").open(EARLIER)
    for first in (0, 10, 20):
        table.append(frame(_events(today, range(first, first + 10)), EARLIER.row))
    spool_events(Spool(setup.root / "one"), _events(today, range(20, 50)))
    spool_events(Spool(setup.root / "other"), _events(today, range(40, 70)))
    setup.configure()
    return setup


def run_at_once(first: Sequence[str], second: Sequence[str]) -> list[int]:
    """Run two commands at the same moment; return their exit codes."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.run_at_once", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for command in (first, second)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=120)
    return [process.returncode for process in started]


def are_equal(got: list[pl.DataFrame], expected: list[pl.DataFrame]) -> bool:
    """Return whether all tables have the same rows."""
    return all(one.equals(two) for one, two in zip(got, expected, strict=True))


def check_pair(
    setup: CommandWarehouse, first: str, second: str, rounds: int = 1
) -> None:
    """Check that the pair at once leaves the rows of one of the two serial orders."""
    commands = [(first, "one"), (second, "other")]
    orders = []
    for name, order in (("forward", commands), ("reversed", commands[::-1])):
        serial = setup.copy_as(name)
        for command, spool in order:
            assert millpond.run(serial.command(command, spool)) == 0
        orders.append(serial.state())
    for number in range(rounds):
        race = setup.copy_as(f"race-{number}")
        codes = run_at_once(race.command(first, "one"), race.command(second, "other"))

        assert codes == [0, 0]
        got = race.state()
        assert any(are_equal(got, order) for order in orders)
        view = Warehouse(race.root / "warehouse").view(EVENTS)
        assert count_findings(view) == []
        assert list(repeat_findings(view, view.days())) == []


@pytest.mark.crash
@pytest.mark.parametrize(("first", "second"), QUICK_PAIRS)
def test_two_commands_at_once_leave_the_rows_of_one_after_the_other(
    setup: CommandWarehouse, first: str, second: str
) -> None:
    check_pair(setup, first, second)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_any_two_commands_at_once_leave_the_rows_of_one_after_the_other(
    setup: CommandWarehouse, first: str, second: str
) -> None:
    check_pair(setup, first, second, rounds=5)
