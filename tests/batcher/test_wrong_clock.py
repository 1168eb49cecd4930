"""Real processes under a clock years ahead destroy nothing, at any start."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from batcher.spool.spool import Spool
from tests.batcher.load.loads import spool_events
from tests.batcher.test_run import has_succeeded, words
from tests.processes import Installation, Role, install, running
from tests.waiting import wait_until
from tests.warehouse.event_rows import event
from tests.wrong_clock import with_wrong_clock
from warehouse.clock.believed_clock import Clocks, note_trusted
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

# Past what events are kept, from any day the tests may run on.
AHEAD = "+1095d"
CONFIG = """\
[privacy]
salt_store = "data/salts"

[jobs]
load_every_s = 1
build_every_s = 1
compact_every_s = 1

[[sites]]
id = "shop"
domains = ["shop.example"]
"""


def today() -> date:
    """Return the day by the true clock; the time of day does not matter."""
    return date.today()  # noqa: DTZ011 - any zone's will do


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Return an installation with two days of history, two files a day."""
    found = install(tmp_path, text=CONFIG)
    for path in ("/a", "/b"):
        for days_ago in (0, 1):
            spool(found, path, days_ago)
        assert found.run("batcher", "drain").returncode == 0
    for name in ("clock", "clock.copy"):
        (tmp_path / "data" / "warehouse" / name).unlink(missing_ok=True)
    return found


def spool(installation: Installation, path: str, days_ago: int = 0) -> None:
    day = today() - timedelta(days=days_ago)
    spool_events(
        Spool(Path(installation.settings.spool.dir)), [event(path=path, day=day)]
    )


def ahead(installation: Installation) -> Installation:
    """Return the same installation under a wrong clock."""
    return with_wrong_clock(installation, AHEAD)


def rows(installation: Installation) -> int:
    return Warehouse(Path(installation.settings.warehouse.uri)).view(EVENTS).rows()


def holds(installation: Installation, count: int) -> bool:
    return rows(installation) == count


def parquet(installation: Installation) -> set[Path]:
    root = Path(installation.settings.warehouse.uri) / "events"
    return set(root.rglob("*.parquet"))


@contextmanager
def batcher(installation: Installation, *flags: str) -> Iterator[Role]:
    """Run a batcher until it has done every job once."""
    states = Path(installation.settings.spool.dir) / "jobs.json"
    states.unlink(missing_ok=True)
    role = Role(installation, "batcher", "run", *flags)
    role.start()
    try:
        wait_until(
            lambda: all(
                has_succeeded(installation, job)
                for job in ("load", "retain", "destroy_salts", "compact")
            ),
            "each job to run once",
        )
        yield role
        role.stop()
    finally:
        role.kill()


def test_a_batcher_that_starts_in_2029_removes_nothing(
    installation: Installation,
) -> None:
    before = parquet(installation)
    wrong = ahead(installation)
    for number in range(2):
        with batcher(wrong) as role:
            spool(installation, f"/while-wrong-{number}")
            expected = partial(holds, installation, 5 + number)
            wait_until(expected, "the events")
        info = json.loads(wrong.run("warehouse", "info", "--format", "json").stdout)
        assert "clock_not_believed" in words(role)
        assert "not believed" in info["warnings"][0]

    assert before <= parquet(installation)


def test_the_operators_word_lets_a_batcher_remove(installation: Installation) -> None:
    with batcher(ahead(installation), "--trust-clock"):
        pass

    assert rows(installation) == 0


def test_retain_refuses_in_2029_and_does_it_on_the_operators_word(
    installation: Installation,
) -> None:
    wrong = ahead(installation)
    refused = [wrong.run("warehouse", "retain") for _ in range(2)]

    for each in refused:
        assert (each.returncode, each.stdout) == (3, "")
        assert "the clock is not believed: it says" in each.stderr
        assert "--trust-clock" in each.stderr
    assert rows(installation) == 4

    done = wrong.run("warehouse", "retain", "--trust-clock")
    assert (done.returncode, rows(installation)) == (0, 0), done.stderr


def test_compact_merges_in_2029_and_removes_no_file(
    installation: Installation,
) -> None:
    before = parquet(installation)
    done = ahead(installation).run("warehouse", "compact")

    assert (done.returncode, done.stdout) == (0, "4 files merged\n")
    assert "the clock is not believed" in done.stderr
    assert before < parquet(installation)
    assert rows(installation) == 4


def test_a_clock_that_is_right_still_removes(installation: Installation) -> None:
    spool(installation, "/old", days_ago=800)
    installation.run("batcher", "drain")
    done = installation.run("warehouse", "retain")

    assert (done.returncode, rows(installation)) == (0, 4), done.stderr


def test_a_drain_in_2029_makes_no_evidence(installation: Installation) -> None:
    wrong = ahead(installation)
    Spool(Path(installation.settings.spool.dir))
    spool(installation, "/from-the-future", days_ago=-1095)
    wrong.run("batcher", "drain")
    refused = wrong.run("warehouse", "retain")

    assert (refused.returncode, rows(installation)) == (3, 5)


def note_true_time(installation: Installation) -> None:
    """Note that the time was last believed now, by the true clock."""
    now_s = datetime.now(UTC).timestamp()  # noqa: TID251 - the one that is not faked
    clocks = Clocks(wall=lambda: now_s, steady=lambda: 0.0)
    note_trusted(Path(installation.settings.warehouse.uri), clocks)


def problems(installation: Installation) -> dict[str, str]:
    connection = installation.connect()
    try:
        connection.request("GET", "/readyz")
        found: dict[str, str] = json.loads(connection.getresponse().read())["problems"]
    finally:
        connection.close()
    return found


def problems_of(installation: Installation, *flags: str) -> dict[str, str]:
    """Return what an ``up`` says is wrong, once it is ready."""
    with running(installation, " ".join(("up", *flags))) as (role,):
        found = problems(installation)
        role.stop()
    return found


def test_up_takes_the_operators_word_once(installation: Installation) -> None:
    wrong = ahead(installation)
    note_true_time(installation)
    doubted = problems_of(wrong)
    trusted = problems_of(wrong, "--trust-clock")
    note_true_time(installation)
    again = problems_of(wrong)

    assert "the clock is not believed" in doubted["clock"]
    assert "clock" not in trusted
    assert "clock" in again
