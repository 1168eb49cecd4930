"""Neither a restart nor a wait makes Millpond believe a clock against its witness."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import MillpondError
from warehouse.clock.believed_clock import (
    STAND_S,
    BelievedClock,
    Clocks,
    doubt_of,
    note_trusted,
)
from warehouse.clock.clock_doubt import DAY_S

NOON = 1_795_348_800.0
HOUR_S = 3_600.0
YEARS_S = 3 * 365 * DAY_S
WARNING = (
    "the clock is not believed: it says 2029-11-21 12:00Z, 1,095.0 days ahead of the"
    " time expected (2026-11-22 12:00Z); no data, salt or file is removed meanwhile"
)


class Machine:
    """A machine whose wall clock a test sets, and which can reboot."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.wall_s = NOON
        self.steady_s = 5_000.0
        self.boot = "first"
        self.synchronised = False

    @property
    def clocks(self) -> Clocks:
        """Return the clocks of this machine."""
        return Clocks(
            wall=lambda: self.wall_s,
            steady=lambda: self.steady_s,
            boot=self.boot,
            is_synchronised=lambda _wall_s: self.synchronised,
        )

    def advance(self, seconds: float) -> None:
        """Advance both clocks."""
        self.wall_s += seconds
        self.steady_s += seconds

    def reboot(self, off_s: float = 0.0) -> None:
        """Reboot after *off_s* seconds on the wall clock."""
        self.wall_s += off_s
        self.steady_s = 10.0
        self.boot += "+"

    def open_clock(
        self,
        newest: Callable[[], float | None] = lambda: NOON,
        *,
        trusted: bool = False,
    ) -> BelievedClock:
        """Return the believed clock of a process that starts now."""
        return BelievedClock(
            self.root, self.clocks, newest_data_s=newest, trusted=trusted
        )

    def shown_doubt(self) -> str | None:
        """Return the doubt that reports show."""
        doubt = doubt_of(self.root, self.clocks)
        return None if doubt is None else str(doubt)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "warehouse")


def is_doubted(clock: BelievedClock) -> bool:
    return clock.look().doubt is not None


def test_a_clock_years_ahead_of_the_data_is_not_believed(machine: Machine) -> None:
    machine.wall_s += YEARS_S
    got = machine.open_clock().look()

    assert (got.at_s, str(got.doubt)) == (NOON, WARNING)
    assert machine.shown_doubt() == WARNING


def test_a_restart_does_not_make_a_doubted_clock_believed(machine: Machine) -> None:
    machine.wall_s += YEARS_S
    machine.open_clock()
    machine.advance(HOUR_S)
    # Data that was loaded meanwhile has the year 2029 too.
    again = machine.open_clock(lambda: machine.wall_s)
    machine.reboot()
    after_reboot = machine.open_clock(lambda: machine.wall_s)

    assert is_doubted(again)
    assert is_doubted(after_reboot)


@pytest.mark.parametrize("ahead_s", [-DAY_S, -HOUR_S, 0.0, HOUR_S, DAY_S])
def test_a_clock_within_a_day_of_the_data_is_believed(
    machine: Machine, ahead_s: float
) -> None:
    machine.wall_s += ahead_s
    got = machine.open_clock().look()

    assert (got.at_s, got.doubt) == (machine.wall_s, None)


@pytest.mark.parametrize("ahead_s", [-DAY_S - 1, DAY_S + 1])
def test_a_clock_more_than_a_day_off_is_not_believed(
    machine: Machine, ahead_s: float
) -> None:
    machine.wall_s += ahead_s

    assert is_doubted(machine.open_clock())
    assert machine.shown_doubt() is not None


def test_without_data_the_first_clock_is_believed(machine: Machine) -> None:
    assert not is_doubted(machine.open_clock(lambda: None))
    machine.wall_s += YEARS_S
    assert is_doubted(machine.open_clock(lambda: None))


def test_unreadable_data_leads_to_a_doubt_and_no_witness(machine: Machine) -> None:
    def damaged() -> float | None:
        raise MillpondError("read events: it is damaged")

    got = machine.open_clock(damaged).look()

    assert got.doubt is not None
    assert "cannot be read" in str(got.doubt)
    assert not (machine.root / "clock").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", None])
def test_a_damaged_witness_leads_to_a_doubt_and_is_not_taken_as_missing(
    machine: Machine, content: bytes | None
) -> None:
    machine.open_clock()
    file = machine.root / "clock"
    original = file.read_bytes()
    file.write_bytes(original.replace(b"179", b"279") if content is None else content)
    (machine.root / "clock.copy").write_bytes(file.read_bytes())
    machine.wall_s += YEARS_S
    doubt = machine.shown_doubt()

    assert doubt is not None
    assert is_doubted(machine.open_clock(lambda: machine.wall_s))
    assert not is_doubted(machine.open_clock(trusted=True))
    assert machine.shown_doubt() is None


def test_a_clock_of_whole_seconds_can_be_recorded(machine: Machine) -> None:
    whole = Clocks(wall=lambda: int(NOON), steady=lambda: 5, boot="first")
    note_trusted(machine.root, whole)

    assert machine.shown_doubt() is None


def test_time_that_the_steady_clock_measured_is_believed(machine: Machine) -> None:
    running = machine.open_clock()
    machine.advance(5 * DAY_S)

    assert not is_doubted(running)
    machine.advance(5 * DAY_S)
    assert machine.shown_doubt() is None
    assert not is_doubted(machine.open_clock())


def test_a_machine_that_was_off_for_days_needs_a_second_witness(
    machine: Machine,
) -> None:
    machine.open_clock()
    machine.reboot(off_s=5 * DAY_S)
    alone = machine.open_clock()
    assert is_doubted(alone)

    machine.synchronised = True
    assert not is_doubted(alone)
    assert machine.shown_doubt() is None


def test_the_operators_confirmation_counts_once(machine: Machine) -> None:
    machine.wall_s += YEARS_S
    running = machine.open_clock()
    assert is_doubted(running)

    note_trusted(machine.root, machine.clocks)
    assert not is_doubted(running)
    machine.wall_s += YEARS_S
    assert is_doubted(machine.open_clock())
    assert not is_doubted(machine.open_clock(trusted=True))
    assert not is_doubted(machine.open_clock())


def test_the_witness_advances_only_while_the_clock_is_believed(
    machine: Machine,
) -> None:
    running = machine.open_clock()
    machine.advance(6 * HOUR_S)
    running.look()
    machine.wall_s += YEARS_S
    for _ in range(50):
        machine.advance(HOUR_S)
        assert is_doubted(running)
    machine.reboot()
    got = machine.open_clock().look()

    assert got.at_s == NOON + 6 * HOUR_S


def believed_times(machine: Machine, *jumps: tuple[float, float]) -> list[float]:
    """Return the believed time at each (seconds after noon, jump of the wall clock)."""
    clock = machine.open_clock()
    got = []
    for since_s, jump_s in jumps:
        machine.steady_s = 5_000.0 + since_s
        machine.wall_s = NOON + since_s + jump_s
        got.append(clock.look().at_s - NOON)
    return got


@pytest.mark.parametrize(
    ("jumps", "expected"),
    [
        pytest.param([(60, 0), (120, 0)], [60, 120], id="a right clock"),
        pytest.param(
            [(60, 1), (HOUR_S, 60), (2 * HOUR_S, 150)],
            [61, HOUR_S + 60, 2 * HOUR_S + 150],
            id="drift is followed",
        ),
        pytest.param(
            [(60, 80_000), (120, 80_000), (180, 0)],
            [60, 120, 180],
            id="a jump that is undone is ignored",
        ),
        pytest.param(
            [(60, -80_000), (59 + STAND_S, -80_000), (60 + STAND_S, -80_000)],
            [60, 59 + STAND_S, 60 + STAND_S - 80_000],
            id="a jump of less than a day that lasts is believed",
        ),
        pytest.param(
            [(60, 80_000), (60 + HOUR_S // 2, 82_000), (60 + HOUR_S, 82_000)],
            [60, 60 + HOUR_S // 2, 60 + HOUR_S],
            id="another jump starts a new wait",
        ),
        pytest.param(
            [(60, YEARS_S), (60 + STAND_S, YEARS_S), (60 + 9 * STAND_S, YEARS_S)],
            [60, 60 + STAND_S, 60 + 9 * STAND_S],
            id="a longer jump is never believed",
        ),
    ],
)
def test_a_jump_is_ignored_until_it_has_lasted(
    machine: Machine, jumps: list[tuple[float, float]], expected: list[float]
) -> None:
    assert believed_times(machine, *jumps) == expected


@pytest.mark.parametrize("name", ["clock", "clock.copy"])
@pytest.mark.parametrize("content", [b"", b"{", None])
def test_one_intact_copy_of_the_witness_is_enough(
    machine: Machine, name: str, content: bytes | None
) -> None:
    machine.open_clock()
    file = machine.root / name
    file.unlink() if content is None else file.write_bytes(content)
    machine.wall_s += YEARS_S

    assert is_doubted(machine.open_clock(lambda: machine.wall_s))


def test_several_steps_of_less_than_a_day_are_doubted(machine: Machine) -> None:
    machine.open_clock()
    results = []
    for _ in range(5):
        machine.wall_s += 23 * HOUR_S
        results.append(is_doubted(machine.open_clock()))

    assert results == [False, True, True, True, True]


def test_a_machine_that_is_off_every_night_is_believed(machine: Machine) -> None:
    for _ in range(20):
        assert not is_doubted(machine.open_clock())
        machine.advance(8 * HOUR_S)
        assert not is_doubted(machine.open_clock())
        machine.reboot(off_s=16 * HOUR_S)
