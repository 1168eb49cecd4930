"""A closed terminal stops a program that has one; SIGHUP alone does not."""

import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from batcher.supervisor.terminal import Terminal
from tests.batcher.module_processes import ROOT
from tests.waiting import wait_until

PROGRAM = """
import os, signal, sys
from pathlib import Path
from batcher.supervisor.terminal import Terminal
if sys.argv[2] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
terminal = Terminal.of_process()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
Path(sys.argv[1]).write_text("ready")
signal.sigtimedwait([signal.SIGHUP], 60)
Path(sys.argv[1] + "-lost").write_text(str(terminal.is_lost()))
"""


@pytest.mark.parametrize(
    ("how", "closes", "expected"),
    [
        pytest.param("", True, "True", id="closed terminal"),
        pytest.param("", False, "False", id="signal of an operator"),
        pytest.param("nohup", True, "False", id="closed terminal after nohup"),
    ],
)
def test_a_lost_terminal_is_told_from_a_signal(
    tmp_path: Path, how: str, expected: str, *, closes: bool
) -> None:
    file = tmp_path / "state"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        words = [sys.executable, "-c", PROGRAM, str(file), how]
        os.execv(sys.executable, words)  # noqa: S606 - the program above
    try:
        wait_until(file.exists, "the program")
        if closes:
            os.close(terminal)
        if how or not closes:
            os.kill(pid, signal.SIGHUP)
        wait_until(Path(f"{file}-lost").exists, "the program to judge")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if not closes:
            os.close(terminal)

    wait_until(lambda: Path(f"{file}-lost").read_text(), "the judgement")
    assert Path(f"{file}-lost").read_text() == expected


def test_a_program_without_a_terminal_loses_none() -> None:
    assert not Terminal(ends_program=False).is_lost()
