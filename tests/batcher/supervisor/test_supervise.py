"""Children are restarted, stopped in order, and never outlive their supervisor."""

import os
import signal
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.batcher.supervisor.running_supervisor import (
    OBEDIENT,
    child,
    is_alive,
    running_supervisor,
)
from tests.waiting import wait_until


@pytest.mark.crash
def test_a_killed_child_is_restarted(tmp_path: Path) -> None:
    with running_supervisor(tmp_path, child("proxy", OBEDIENT)) as running:
        os.kill(running.wait_for("proxy"), signal.SIGKILL)
        second = running.wait_for("proxy", times=2)
        os.kill(second, signal.SIGKILL)
        running.wait_for("proxy", times=3)
        code = running.stop()

    assert code == 0


def test_the_other_children_keep_running(tmp_path: Path) -> None:
    with running_supervisor(
        tmp_path, child("proxy", OBEDIENT), child("batcher", OBEDIENT)
    ) as running:
        batcher = running.wait_for("batcher")
        os.kill(running.wait_for("proxy"), signal.SIGKILL)
        running.wait_for("proxy", times=2)
        alive = is_alive(batcher)
        running.stop()

    assert alive
    assert running.pids("batcher") == [batcher]


def test_a_child_that_keeps_failing_is_restarted_with_growing_delays(
    tmp_path: Path,
) -> None:
    dying = child("proxy", "echo {name} $(date +%s%N) >> log; exit 3")
    with running_supervisor(
        tmp_path, dying, first_delay_s=0.05, longest_delay_s=0.2
    ) as running:
        running.wait_for("proxy", times=6)
        running.stop()

    starts = running.pids("proxy")[:6]
    gaps_s = [(after - before) / 1e9 for before, after in pairwise(starts)]
    for gap_s, least_s in zip(gaps_s, [0.05, 0.1, 0.2, 0.2, 0.2], strict=True):
        assert gap_s >= least_s


def test_a_child_that_ran_long_enough_is_restarted_soon(tmp_path: Path) -> None:
    dying = child("proxy", "echo {name} $$ >> log; exit 3")
    with running_supervisor(
        tmp_path, dying, longest_delay_s=1e6, healthy_s=0.0
    ) as running:
        # If the delay doubled each time, the twentieth start would take hours.
        running.wait_for("proxy", times=20)
        running.stop()


def test_stages_stop_in_order(tmp_path: Path) -> None:
    slow = (
        "trap 'sleep 0.3; echo {name} ended >> log; exit 0' TERM;"
        " echo {name} $$ >> log; while :; do sleep 0.02; done"
    )
    with running_supervisor(
        tmp_path,
        child("reports", OBEDIENT, stage=2),
        child("batcher", OBEDIENT, stage=1),
        child("proxy", slow, stage=0),
    ) as running:
        for name in ("proxy", "batcher", "reports"):
            running.wait_for(name)
        code = running.stop()

    ends = [line for line in running.lines() if line.endswith("ended")]
    assert ends == ["proxy ended", "batcher ended", "reports ended"]
    assert code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_every_signal_to_stop_is_passed_on_as_sigterm(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running_supervisor(tmp_path, child("proxy", OBEDIENT)) as running:
        running.wait_for("proxy")
        code = running.stop(number)

    assert running.lines()[-1] == "proxy ended"
    assert code == 0


STUBBORN = "trap '' TERM; echo {name} $$ >> log; while :; do sleep 0.02; done"


def test_a_child_that_ignores_sigterm_is_killed_after_a_timeout(tmp_path: Path) -> None:
    with running_supervisor(tmp_path, child("proxy", STUBBORN), stop_s=0.2) as running:
        pid = running.wait_for("proxy")
        code = running.stop()

    assert not is_alive(pid)
    assert code == 3


def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    stubborn = (
        "trap 'touch signalled' TERM;"
        " echo {name} $$ >> log; while :; do sleep 0.02; done"
    )
    with running_supervisor(
        tmp_path, child("proxy", stubborn), stop_s=3_600.0
    ) as running:
        pid = running.wait_for("proxy")
        running.process.send_signal(signal.SIGINT)
        wait_until((tmp_path / "signalled").exists, "the signal to the proxy")
        code = running.stop(signal.SIGINT)

    assert not is_alive(pid)
    assert code == 3


def test_a_second_sigterm_changes_nothing(tmp_path: Path) -> None:
    slow = (
        "trap 'touch signalled; sleep 0.3; echo {name} ended >> log; exit 0' TERM;"
        " echo {name} $$ >> log; while :; do sleep 0.02; done"
    )
    with running_supervisor(tmp_path, child("proxy", slow)) as running:
        running.wait_for("proxy")
        running.process.send_signal(signal.SIGTERM)
        wait_until((tmp_path / "signalled").exists, "the signal to the proxy")
        code = running.stop(signal.SIGTERM)

    assert running.lines()[-1] == "proxy ended"
    assert code == 0


def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with running_supervisor(
        tmp_path, child("proxy", OBEDIENT), child("batcher", OBEDIENT, stage=1)
    ) as running:
        pids = [running.wait_for("proxy"), running.wait_for("batcher")]
        running.process.kill()
        wait_until(lambda: not any(map(is_alive, pids)), "the children to end")


def test_a_child_with_invalid_settings_stops_all(tmp_path: Path) -> None:
    wrong = child("proxy", "until grep -q batcher log; do sleep 0.02; done; exit 2")
    with running_supervisor(
        tmp_path, child("batcher", OBEDIENT, stage=1), wrong
    ) as running:
        pid = running.wait_for("batcher")
        code = running.process.wait(timeout=30)

    assert running.lines()[-1] == "batcher ended"
    assert not is_alive(pid)
    assert code == 2


def test_a_missing_program_leaves_no_child_running(tmp_path: Path) -> None:
    missing = {"name": "reports", "argv": ["/no/such/program"], "stage": 2}
    with running_supervisor(tmp_path, child("proxy", OBEDIENT), missing) as running:
        code = running.process.wait(timeout=30)

    assert not any(map(is_alive, running.pids("proxy")))
    assert code == 1


REPORT_SIGNALS = """
import os, pathlib, signal
status = pathlib.Path("/proc/self/status").read_text()
mask = next(line for line in status.splitlines() if line.startswith("SigBlk"))
pathlib.Path("log").write_text(f"proxy {os.getpid()}\\n{mask}\\n{os.getpgrp()}\\n")
signal.pause()
"""


def test_a_child_blocks_no_signal_and_has_its_own_process_group(
    tmp_path: Path,
) -> None:
    # Not a shell, which would clear the mask itself.
    reporter: dict[str, object] = {
        "name": "proxy",
        "argv": [sys.executable, "-c", REPORT_SIGNALS],
    }
    with running_supervisor(tmp_path, reporter) as running:
        pid = running.wait_for("proxy")
        running.stop()

    assert running.lines()[1:] == ["SigBlk:\t" + "0" * 16, str(pid)]
