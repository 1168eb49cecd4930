"""The job states tell which jobs are late, since when, and why."""

import pytest
from msgspec.structs import replace

from warehouse.job_states import JobState, figure_warnings, late_jobs, lateness

NOW = 1_795_334_400.0
HINT = 'the figures stand still: see docs/operations.md, "Loading or building fails"'


def ran(ago_s: float, *, took_s: float = 0.0) -> JobState:
    return JobState(every_s=15, last_success_at=NOW - ago_s, took_s=took_s)


def failed(first_ago_s: float, success_ago_s: float | None = None) -> JobState:
    return JobState(
        every_s=15,
        last_success_at=None if success_ago_s is None else NOW - success_ago_s,
        failures=3,
        failing_since=NOW - first_ago_s,
        error="StorageError",
        problem="read events: it is damaged\n  hint: restore it",
    )


@pytest.mark.parametrize(
    ("state", "late"),
    [
        pytest.param(ran(15), False, id="just due"),
        pytest.param(ran(40), False, id="a little over twice its interval"),
        pytest.param(ran(40.1), True, id="longer than that"),
        pytest.param(ran(49, took_s=9), False, id="the duration of a run is added"),
        pytest.param(ran(-500), False, id="a clock set back"),
        pytest.param(failed(30), False, id="fails for twice its interval"),
        pytest.param(failed(30.1, 31), True, id="fails for longer"),
        pytest.param(JobState(every_s=15), True, id="never ran"),
    ],
)
def test_a_job_is_late_after_twice_its_interval(state: JobState, *, late: bool) -> None:
    assert ("load" in late_jobs({"load": state}, NOW)) == late


def test_a_job_may_be_late_by_the_duration_of_the_other_jobs() -> None:
    states = {"load": ran(90), "compact": ran(0, took_s=60)}

    assert late_jobs(states, NOW) == {}


def test_the_lateness_text_names_the_time_and_the_reason() -> None:
    assert lateness(failed(60, 90)) == (
        "has not succeeded since 2026-11-22T07:58:30Z, failed 3 times:"
        " read events: it is damaged"
    )
    assert lateness(ran(60)) == (
        "has not succeeded since 2026-11-22T07:59:00Z: is the batcher running?"
    )


def test_a_job_that_waits_for_another_process_says_so() -> None:
    waits = replace(ran(60), problem="load the spool: another process is loading it")

    assert lateness(waits) == (
        "has not succeeded since 2026-11-22T07:59:00Z:"
        " load the spool: another process is loading it"
    )


def test_late_loads_and_builds_give_warnings_beside_the_figures() -> None:
    states = {"load": failed(60), "build": ran(60), "compact": failed(60)}

    loading, building = figure_warnings(states, NOW)

    assert loading == (
        "loading has not succeeded since 2026-11-22T07:59:00Z, failed 3 times:"
        f" read events: it is damaged; {HINT}"
    )
    assert building == (
        "building has not succeeded since 2026-11-22T07:59:00Z:"
        f" is the batcher running?; {HINT}"
    )
    assert figure_warnings({"load": ran(5), "compact": failed(60)}, NOW) == []
