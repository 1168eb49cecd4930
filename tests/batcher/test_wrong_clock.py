"""Real processes with a clock years ahead destroy nothing, at any start."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import spool_events
from tests.batcher.test_run import has_succeeded, words
from tests.processes import Installation, Role, install, running
from tests.waiting import wait_until
from tests.warehouse.event_rows import event
from tests.wrong_clock import with_wrong_clock
from warehouse.clock.believed_clock import Clocks, note_trusted
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

# Later than the retention of events, on any day that the tests run.
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
    """Return the day of the true clock; the time of day does not matter."""
    return date.today()  # noqa: DTZ011 - any zone is fine


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Return an installation with two days of events, two files per day."""
    installation = install(tmp_path, text=CONFIG)
    for path in ("/a", "/b"):
        for days_ago in (0, 1):
            spool_event(installation, path, days_ago)
        assert installation.run("batcher", "drain").returncode == 0
    for name in ("clock", "clock.copy"):
        (tmp_path / "data" / "warehouse" / name).unlink(missing_ok=True)
    return installation


def spool_event(installation: Installation, path: str, days_ago: int = 0) -> None:
    day = today() - timedelta(days=days_ago)
    spool_events(
        Spool(Path(installation.settings.spool.dir)), [event(path=path, day=day)]
    )


def with_clock_ahead(installation: Installation) -> Installation:
    """Return the same installation with a wrong clock."""
    return with_wrong_clock(installation, AHEAD)


def stored_rows(installation: Installation) -> int:
    return Warehouse(Path(installation.settings.warehouse.uri)).view(EVENTS).rows()


def has_rows(installation: Installation, count: int) -> bool:
    return stored_rows(installation) == count


def data_files(installation: Installation) -> set[Path]:
    root = Path(installation.settings.warehouse.uri) / "events"
    return set(root.rglob("*.parquet"))


@contextmanager
def running_batcher(installation: Installation, *flags: str) -> Iterator[Role]:
    """Run a batcher that has done every job once."""
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


def test_a_batcher_with_a_clock_years_ahead_removes_nothing(
    installation: Installation,
) -> None:
    before = data_files(installation)
    wrong = with_clock_ahead(installation)
    for number in range(2):
        with running_batcher(wrong) as role:
            spool_event(installation, f"/while-wrong-{number}")
            expected = partial(has_rows, installation, 5 + number)
            wait_until(expected, "the events")
        info = json.loads(wrong.run("warehouse", "info", "--format", "json").stdout)
        assert "clock_not_believed" in words(role)
        assert "not believed" in info["warnings"][0]

    assert before <= data_files(installation)


def test_a_batcher_with_trust_clock_removes_expired_days(
    installation: Installation,
) -> None:
    with running_batcher(with_clock_ahead(installation), "--trust-clock"):
        pass

    assert stored_rows(installation) == 0


def test_retain_refuses_a_clock_years_ahead_without_trust_clock(
    installation: Installation,
) -> None:
    wrong = with_clock_ahead(installation)
    refused = [wrong.run("warehouse", "retain") for _ in range(2)]

    for command in refused:
        assert (command.returncode, command.stdout) == (3, "")
        assert "the clock is not believed: it says" in command.stderr
        assert "--trust-clock" in command.stderr
    assert stored_rows(installation) == 4

    completed = wrong.run("warehouse", "retain", "--trust-clock")
    assert (completed.returncode, stored_rows(installation)) == (0, 0), completed.stderr


def test_compact_with_a_clock_years_ahead_merges_and_removes_no_file(
    installation: Installation,
) -> None:
    before = data_files(installation)
    completed = with_clock_ahead(installation).run("warehouse", "compact")

    assert (completed.returncode, completed.stdout) == (0, "4 files merged\n")
    assert "the clock is not believed" in completed.stderr
    assert before < data_files(installation)
    assert stored_rows(installation) == 4


def test_retain_with_a_right_clock_removes_expired_days(
    installation: Installation,
) -> None:
    spool_event(installation, "/old", days_ago=800)
    installation.run("batcher", "drain")
    completed = installation.run("warehouse", "retain")

    assert (completed.returncode, stored_rows(installation)) == (0, 4), completed.stderr


def test_a_drain_with_a_clock_years_ahead_is_no_evidence_for_it(
    installation: Installation,
) -> None:
    wrong = with_clock_ahead(installation)
    Spool(Path(installation.settings.spool.dir))
    spool_event(installation, "/from-the-future", days_ago=-1095)
    wrong.run("batcher", "drain")
    refused = wrong.run("warehouse", "retain")

    assert (refused.returncode, stored_rows(installation)) == (3, 5)


def record_true_time(installation: Installation) -> None:
    """Record that the time was last believed now, on the true clock."""
    now_s = datetime.now(UTC).timestamp()  # noqa: TID251 - the true clock
    clocks = Clocks(wall=lambda: now_s, steady=lambda: 0.0)
    note_trusted(Path(installation.settings.warehouse.uri), clocks)


def problems(installation: Installation) -> dict[str, str]:
    connection = installation.connect()
    try:
        connection.request("GET", "/readyz")
        problems_by_check: dict[str, str] = json.loads(connection.getresponse().read())[
            "problems"
        ]
    finally:
        connection.close()
    return problems_by_check


def problems_of_up(installation: Installation, *flags: str) -> dict[str, str]:
    """Return the problems that ``up`` reports once it is ready."""
    with running(installation, " ".join(("up", *flags))) as (role,):
        ready_problems = problems(installation)
        role.stop()
    return ready_problems


def test_up_with_trust_clock_believes_the_clock_once(
    installation: Installation,
) -> None:
    wrong = with_clock_ahead(installation)
    record_true_time(installation)
    doubted = problems_of_up(wrong)
    trusted = problems_of_up(wrong, "--trust-clock")
    record_true_time(installation)
    again = problems_of_up(wrong)

    assert "the clock is not believed" in doubted["clock"]
    assert "clock" not in trusted
    assert "clock" in again
