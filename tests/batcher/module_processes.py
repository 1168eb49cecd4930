"""Processes of Python modules in this repository, and their input and output lines."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def running_module(
    module: str, *arguments: str, cwd: Path = ROOT
) -> Iterator["subprocess.Popen[str]"]:
    """Run ``python -m MODULE ARGUMENTS``; kill the process at the end if it runs."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def expect_line(process: "subprocess.Popen[str]", word: str) -> None:
    """Read the next line of the output, which must be *word*."""
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


def send_line(process: "subprocess.Popen[str]") -> None:
    """Send the empty line that the process waits for."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
