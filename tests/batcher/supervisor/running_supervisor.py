"""A supervisor in a process of its own, with shell scripts as its children."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.batcher.module_processes import running_module
from tests.waiting import wait_until

QUICK = {"first_delay_s": 0.02, "stop_s": 20.0}
# Ends at once on SIGTERM, and writes its start and its end to *log*.
OBEDIENT = (
    "trap 'echo {name} ended >> log; exit 0' TERM;"
    " echo {name} $$ >> log; while :; do sleep 0.02; done"
)


def child(name: str, script: str, stage: int = 0) -> dict[str, object]:
    """Return a child that runs a shell script."""
    argv = ["/bin/sh", "-c", script.format(name=name)]
    return {"name": name, "argv": argv, "stage": stage}


class RunningSupervisor:
    """A running supervisor, and the log of its children."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self._log = log

    def lines(self) -> list[str]:
        """Return the lines that the children wrote."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def pids(self, name: str) -> list[int]:
        """Return the process ids of *name*, the newest last."""
        words = [line.split() for line in self.lines()]
        return [int(word[1]) for word in words if word[0] == name and word[1].isdigit()]

    def wait_for(self, name: str, times: int = 1) -> int:
        """Return the process id of the *times*-th start of *name*."""
        wait_until(lambda: len(self.pids(name)) >= times, f"{name} to start")
        return self.pids(name)[times - 1]

    def outcomes(self) -> list[str]:
        """Return the outcome of each reload."""
        path = self._log.with_name("outcomes")
        return path.read_text().splitlines() if path.exists() else []

    def begin_reload(self, *children: dict[str, object]) -> None:
        """Ask for a reload with *children*."""
        self._log.with_name("reload").write_text(json.dumps(children))
        self.process.send_signal(signal.SIGHUP)

    def reload(self, *children: dict[str, object]) -> str:
        """Reload with *children*, and return the outcome."""
        count = len(self.outcomes())
        self.begin_reload(*children)
        wait_until(lambda: len(self.outcomes()) > count, "the reload")
        return self.outcomes()[count]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@contextmanager
def running_supervisor(
    directory: Path,
    *children: dict[str, object],
    reloads: bool = False,
    **timeouts: float,
) -> Iterator[RunningSupervisor]:
    """Run a supervisor with *children* in *directory*."""
    with running_module(
        "tests.batcher.supervisor.run_supervisor",
        json.dumps(children),
        json.dumps({**QUICK, **timeouts}),
        *(["reload"] if reloads else []),
        cwd=directory,
    ) as process:
        yield RunningSupervisor(process, directory / "log")


def is_alive(pid: int) -> bool:
    """Return whether the process runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"
