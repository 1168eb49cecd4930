"""Run a script under strace: to see the order of its system calls, or to kill it."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.programs import need

_ROOT = Path(__file__).parents[1]
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")


def trace(calls: str, script: Sequence[str], log: Path) -> list[tuple[str, str]]:
    """Run *script* with our Python and return its (call, arguments), in order.

    File descriptors are shown with their paths; calls that failed are left out.
    """
    run(["-f", "-y", "-e", f"trace={calls}", "-o", str(log)], script, check=True)
    found = map(_CALL.match, log.read_text().splitlines())
    return [(each[1], each[2]) for each in found if each and int(each[3]) >= 0]


def run(
    options: Sequence[str], script: Sequence[str], *, check: bool
) -> subprocess.CompletedProcess[str]:
    """Run *script*, a module and its arguments, under strace with *options*.

    Without -f only the first thread is looked at, and its calls are the ones counted.
    """
    return subprocess.run(
        [str(need("strace")), "-qq", *options, sys.executable, "-m", *script],
        cwd=_ROOT,
        check=check,
        capture_output=True,
        text=True,
    )
