"""A reload replaces the workers one by one, or leaves everything as it was."""

import os
import signal
from pathlib import Path

import pytest

from tests.batcher.supervisor.running_supervisor import (
    OBEDIENT,
    RunningSupervisor,
    child,
    is_alive,
    running_supervisor,
)
from tests.waiting import wait_until

SHORT = {"refuse_s": 0.3}
# Reports that it is ready where the supervisor says, and ends when it is drained.
WORKER = (
    "trap 'echo {name} drained >> log; exit 0' USR1;"
    " trap 'echo {name} stopped >> log; exit 0' TERM;"
    ' echo {name} $$ >> log; [ -z "$1" ] || echo > /proc/self/fd/$1;'
    " while :; do sleep 0.02; done"
)
NEVER_READY = "echo {name} $$ >> log; while :; do sleep 0.02; done"


def worker(number: int, script: str = WORKER) -> dict[str, object]:
    """Return a worker that is replaced."""
    return {**child(f"proxy-{number}", script), "on_reload": "replace"}


def batcher(script: str = OBEDIENT) -> dict[str, object]:
    """Return a batcher that pauses."""
    return {**child("batcher", script, stage=1), "on_reload": "pause"}


def reports(script: str = OBEDIENT) -> dict[str, object]:
    """Return a reports server that is restarted."""
    return child("reports", script, stage=2)


ALL = (worker(0), worker(1), batcher(), reports())
NAMES = ("proxy-0", "proxy-1", "batcher", "reports")


def wait_for_all(running: RunningSupervisor, times: int = 1) -> list[int]:
    """Return the process ids of the *times*-th start of all children."""
    return [running.wait_for(name, times) for name in NAMES]


def test_each_worker_ends_only_after_its_successor_is_ready(tmp_path: Path) -> None:
    with running_supervisor(tmp_path, *ALL, reloads=True, **SHORT) as running:
        first = wait_for_all(running)
        outcome = running.reload(*ALL)
        second = wait_for_all(running, times=2)
        code = running.stop()

    kinds = [
        line if not line.split()[1].isdigit() else f"{line.split()[0]} started"
        for line in running.lines()[4:]
    ]
    assert outcome == "fine"
    assert not {*first} & {*second}
    assert kinds[:5] == [
        "batcher ended",
        "proxy-0 started",
        "proxy-0 drained",
        "proxy-1 started",
        "proxy-1 drained",
    ]
    assert sorted(kinds[5:8]) == ["batcher started", "reports ended", "reports started"]
    assert code == 0


def test_a_refused_configuration_changes_nothing(tmp_path: Path) -> None:
    with running_supervisor(tmp_path, *ALL, reloads=True, **SHORT) as running:
        pids = wait_for_all(running)
        (tmp_path / "reload").write_text("{")
        running.process.send_signal(signal.SIGHUP)
        wait_until(running.outcomes, "the refusal")
        alive = [is_alive(pid) for pid in pids]
        code = running.stop()

    assert running.outcomes() == ["broken file"]
    assert alive == [True] * 4
    assert len([line for line in running.lines() if "ended" in line]) == 2
    assert code == 0


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(NEVER_READY, "was not ready after 0.5 s", id="hangs"),
        pytest.param("exit 2", "ended with exit code 2", id="refuses its settings"),
        pytest.param("exit 70", "ended with exit code 70", id="fails"),
    ],
)
def test_the_old_workers_go_on_if_the_first_new_one_is_not_ready(
    tmp_path: Path, script: str, reason: str
) -> None:
    with running_supervisor(
        tmp_path, *ALL, reloads=True, ready_s=0.5, **SHORT
    ) as running:
        pids = wait_for_all(running)
        outcome = running.reload(
            worker(0, script), worker(1, script), batcher("exit 2"), reports("exit 2")
        )
        # The batcher waited for the outcome, and runs again as before.
        running.wait_for("batcher", times=2)
        alive = [is_alive(pid) for pid in pids]
        running.stop()

    assert outcome == f"reload: the new proxy-0 {reason}; the old processes go on"
    assert alive == [True, True, False, True]


def test_an_old_worker_that_dies_during_a_refused_reload_is_restarted(
    tmp_path: Path,
) -> None:
    slow = NEVER_READY.replace("{name}", "new")
    with running_supervisor(
        tmp_path, *ALL, reloads=True, ready_s=2.0, **SHORT
    ) as running:
        [old, *_] = wait_for_all(running)
        running.begin_reload(worker(0, slow), worker(1), batcher(), reports())
        running.wait_for("new")
        os.kill(old, signal.SIGKILL)
        wait_until(running.outcomes, "the refusal")
        running.wait_for("proxy-0", times=2)
        code = running.stop()

    assert code == 0


def test_a_later_worker_that_is_not_ready_is_restarted(tmp_path: Path) -> None:
    # Not ready beside another instance, as when memory for two is missing.
    old = WORKER.replace("echo {name} stopped", "touch old-ended; echo {name} stopped")
    new = "[ -e old-ended ] || sleep 60; " + WORKER
    with running_supervisor(
        tmp_path,
        *(worker(0), worker(1, old), batcher(), reports()),
        reloads=True,
        ready_s=0.5,
        **SHORT,
    ) as running:
        wait_for_all(running)
        outcome = running.reload(worker(0), worker(1, new), batcher(), reports())
        running.wait_for("proxy-1", times=2)
        running.stop()

    assert outcome == "fine"


def test_a_worker_that_hangs_is_killed_after_its_time(tmp_path: Path) -> None:
    with running_supervisor(
        tmp_path, *ALL, reloads=True, stop_s=0.5, **SHORT
    ) as running:
        [old, *_] = wait_for_all(running)
        os.kill(old, signal.SIGSTOP)
        outcome = running.reload(*ALL)
        wait_for_all(running, times=2)
        alive = is_alive(old)
        running.stop()

    assert (outcome, alive) == ("fine", False)


def test_a_second_reload_during_the_first_follows_it(tmp_path: Path) -> None:
    with running_supervisor(tmp_path, *ALL, reloads=True, **SHORT) as running:
        wait_for_all(running)
        running.begin_reload(*ALL)
        running.wait_for("proxy-0", times=2)
        for _ in range(3):
            running.process.send_signal(signal.SIGHUP)
        wait_for_all(running, times=3)
        wait_until(lambda: len(running.outcomes()) == 2, "the second reload")
        code = running.stop()

    # Three signals during the first reload ask for one more.
    assert running.outcomes() == ["fine", "fine"]
    assert code == 0


def test_a_signal_to_stop_ends_a_reload(tmp_path: Path) -> None:
    with running_supervisor(
        tmp_path, *ALL, reloads=True, ready_s=3_600.0, **SHORT
    ) as running:
        wait_for_all(running)
        running.begin_reload(worker(0, NEVER_READY), worker(1), batcher(), reports())
        running.wait_for("proxy-0", times=2)
        code = running.stop()
        alive = [is_alive(pid) for name in NAMES for pid in running.pids(name)]

    assert code == 0
    assert not any(alive)


@pytest.mark.crash
def test_all_processes_of_a_reload_end_with_a_killed_supervisor(
    tmp_path: Path,
) -> None:
    with running_supervisor(
        tmp_path, *ALL, reloads=True, ready_s=3_600.0, **SHORT
    ) as running:
        wait_for_all(running)
        running.begin_reload(worker(0, NEVER_READY), worker(1), batcher(), reports())
        running.wait_for("proxy-0", times=2)
        pids = [pid for name in NAMES for pid in running.pids(name)]
        running.process.kill()
        wait_until(lambda: not any(map(is_alive, pids)), "all processes to end")


@pytest.mark.parametrize("refusing", ["batcher", "reports"])
def test_a_process_that_refuses_the_new_settings_keeps_the_old_ones(
    tmp_path: Path, refusing: str
) -> None:
    refuses = "echo {name} $$ >> log; exit 2"
    new = [
        {**new_child, "argv": child(refusing, refuses)["argv"]}
        if new_child["name"] == refusing
        else new_child
        for new_child in ALL
    ]
    with running_supervisor(tmp_path, *ALL, reloads=True, **SHORT) as running:
        wait_for_all(running)
        outcome = running.reload(*new)
        last = running.wait_for(refusing, times=3)
        alive = is_alive(last)
        code = running.stop()

    assert outcome == (
        f"reload: {refusing} refused the new configuration and runs with the old one"
    )
    assert alive
    assert code == 0
