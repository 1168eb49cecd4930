"""No start and no wait makes anything believe a clock that its witness contradicts."""

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
    """A machine whose wall clock can be set, and which can start again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.wall_s = NOON
        self.steady_s = 5_000.0
        self.boot = "first"
        self.synchronised = False

    @property
    def clocks(self) -> Clocks:
        """Return its clocks as an argument."""
        return Clocks(
            wall=lambda: self.wall_s,
            steady=lambda: self.steady_s,
            boot=self.boot,
            is_synchronised=lambda _wall_s: self.synchronised,
        )

    def pass_time(self, seconds: float) -> None:
        """Let both clocks go on."""
        self.wall_s += seconds
        self.steady_s += seconds

    def reboot(self, off_s: float = 0.0) -> None:
        """Start the machine again after *off_s* by its wall clock."""
        self.wall_s += off_s
        self.steady_s = 10.0
        self.boot += "+"

    def opened(
        self,
        newest: Callable[[], float | None] = lambda: NOON,
        *,
        trusted: bool = False,
    ) -> BelievedClock:
        """Return what a process that starts now believes."""
        return BelievedClock(
            self.root, self.clocks, newest_data_s=newest, trusted=trusted
        )

    def shown(self) -> str | None:
        """Return what others show of a doubt."""
        doubt = doubt_of(self.root, self.clocks)
        return None if doubt is None else str(doubt)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "warehouse")


def is_doubted(clock: BelievedClock) -> bool:
    return clock.look().doubt is not None


def test_a_clock_years_ahead_of_the_data_is_not_believed(machine: Machine) -> None:
    machine.wall_s += YEARS_S
    got = machine.opened().look()

    assert (got.at_s, str(got.doubt)) == (NOON, WARNING)
    assert machine.shown() == WARNING


def test_starting_again_does_not_make_it_believed(machine: Machine) -> None:
    machine.wall_s += YEARS_S
    machine.opened()
    machine.pass_time(HOUR_S)
    # What was loaded meanwhile says 2029 too.
    again = machine.opened(lambda: machine.wall_s)
    machine.reboot()
    after_reboot = machine.opened(lambda: machine.wall_s)

    assert is_doubted(again)
    assert is_doubted(after_reboot)


@pytest.mark.parametrize("ahead_s", [-DAY_S, -HOUR_S, 0.0, HOUR_S, DAY_S])
def test_a_clock_within_a_day_of_the_data_is_believed(
    machine: Machine, ahead_s: float
) -> None:
    machine.wall_s += ahead_s
    got = machine.opened().look()

    assert (got.at_s, got.doubt) == (machine.wall_s, None)


@pytest.mark.parametrize("ahead_s", [-DAY_S - 1, DAY_S + 1])
def test_a_clock_more_than_a_day_off_is_not(machine: Machine, ahead_s: float) -> None:
    machine.wall_s += ahead_s

    assert is_doubted(machine.opened())
    assert machine.shown() is not None


def test_without_data_there_is_nothing_to_destroy(machine: Machine) -> None:
    assert not is_doubted(machine.opened(lambda: None))
    machine.wall_s += YEARS_S
    assert is_doubted(machine.opened(lambda: None))


def test_data_that_cannot_be_read_is_no_evidence_of_anything(machine: Machine) -> None:
    def damaged() -> float | None:
        raise MillpondError("read events: it is damaged")

    got = machine.opened(damaged).look()

    assert got.doubt is not None
    assert "cannot be read" in str(got.doubt)
    assert not (machine.root / "clock").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", None])
def test_a_damaged_witness_is_doubted_and_never_counts_as_none(
    machine: Machine, content: bytes | None
) -> None:
    machine.opened()
    file = machine.root / "clock"
    kept = file.read_bytes()
    file.write_bytes(kept.replace(b"179", b"279") if content is None else content)
    (machine.root / "clock.copy").write_bytes(file.read_bytes())
    machine.wall_s += YEARS_S
    shown = machine.shown()

    assert shown is not None
    assert is_doubted(machine.opened(lambda: machine.wall_s))
    assert not is_doubted(machine.opened(trusted=True))
    assert machine.shown() is None


def test_a_clock_of_whole_seconds_is_noted_as_well(machine: Machine) -> None:
    whole = Clocks(wall=lambda: int(NOON), steady=lambda: 5, boot="first")
    note_trusted(machine.root, whole)

    assert machine.shown() is None


def test_what_the_steady_clock_counted_is_believed(machine: Machine) -> None:
    running = machine.opened()
    machine.pass_time(5 * DAY_S)

    assert not is_doubted(running)
    machine.pass_time(5 * DAY_S)
    assert machine.shown() is None
    assert not is_doubted(machine.opened())


def test_a_machine_that_was_off_for_days_needs_a_second_witness(
    machine: Machine,
) -> None:
    machine.opened()
    machine.reboot(off_s=5 * DAY_S)
    alone = machine.opened()
    assert is_doubted(alone)

    machine.synchronised = True
    assert not is_doubted(alone)
    assert machine.shown() is None


def test_the_operators_word_is_noted_once(machine: Machine) -> None:
    machine.wall_s += YEARS_S
    running = machine.opened()
    assert is_doubted(running)

    note_trusted(machine.root, machine.clocks)
    assert not is_doubted(running)
    machine.wall_s += YEARS_S
    assert is_doubted(machine.opened())
    assert not is_doubted(machine.opened(trusted=True))
    assert not is_doubted(machine.opened())


def test_the_witness_goes_on_only_while_the_clock_is_believed(machine: Machine) -> None:
    running = machine.opened()
    machine.pass_time(6 * HOUR_S)
    running.look()
    machine.wall_s += YEARS_S
    for _ in range(50):
        machine.pass_time(HOUR_S)
        assert is_doubted(running)
    machine.reboot()
    got = machine.opened().look()

    assert got.at_s == NOON + 6 * HOUR_S


def believed(machine: Machine, *jumps: tuple[float, float]) -> list[float]:
    """Return what is believed at each (seconds after noon, jump of the wall clock)."""
    clock = machine.opened()
    got = []
    for since_s, jump_s in jumps:
        machine.steady_s = 5_000.0 + since_s
        machine.wall_s = NOON + since_s + jump_s
        got.append(clock.look().at_s - NOON)
    return got


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param([(60, 0), (120, 0)], [60, 120], id="a clock that is right"),
        pytest.param(
            [(60, 1), (HOUR_S, 60), (2 * HOUR_S, 150)],
            [61, HOUR_S + 60, 2 * HOUR_S + 150],
            id="drift is followed",
        ),
        pytest.param(
            [(60, 80_000), (120, 80_000), (180, 0)],
            [60, 120, 180],
            id="a jump that is taken back never was",
        ),
        pytest.param(
            [(60, -80_000), (59 + STAND_S, -80_000), (60 + STAND_S, -80_000)],
            [60, 59 + STAND_S, 60 + STAND_S - 80_000],
            id="a jump within a day that stands is believed",
        ),
        pytest.param(
            [(60, 80_000), (60 + HOUR_S // 2, 82_000), (60 + HOUR_S, 82_000)],
            [60, 60 + HOUR_S // 2, 60 + HOUR_S],
            id="another jump starts over",
        ),
        pytest.param(
            [(60, YEARS_S), (60 + STAND_S, YEARS_S), (60 + 9 * STAND_S, YEARS_S)],
            [60, 60 + STAND_S, 60 + 9 * STAND_S],
            id="a longer one never is",
        ),
    ],
)
def test_time_goes_on_as_before_until_a_jump_has_stood(
    machine: Machine, seen: list[tuple[float, float]], expected: list[float]
) -> None:
    assert believed(machine, *seen) == expected


@pytest.mark.parametrize("name", ["clock", "clock.copy"])
@pytest.mark.parametrize("content", [b"", b"{", None])
def test_one_sound_copy_of_the_witness_is_enough(
    machine: Machine, name: str, content: bytes | None
) -> None:
    machine.opened()
    file = machine.root / name
    file.unlink() if content is None else file.write_bytes(content)
    machine.wall_s += YEARS_S

    assert is_doubted(machine.opened(lambda: machine.wall_s))


def test_steps_of_less_than_a_day_do_not_add_up(machine: Machine) -> None:
    machine.opened()
    doubted = []
    for _ in range(5):
        machine.wall_s += 23 * HOUR_S
        doubted.append(is_doubted(machine.opened()))

    assert doubted == [False, True, True, True, True]


def test_a_machine_that_is_off_every_night_is_believed(machine: Machine) -> None:
    for _ in range(20):
        assert not is_doubted(machine.opened())
        machine.pass_time(8 * HOUR_S)
        assert not is_doubted(machine.opened())
        machine.reboot(off_s=16 * HOUR_S)
