"""Run a script under strace, to record its system calls or to kill it at one."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.programs import need

_ROOT = Path(__file__).parents[1]
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")


def trace(calls: str, script: Sequence[str], log: Path) -> list[tuple[str, str]]:
    """Run *script* with this Python; return each (call, arguments), in order.

    File descriptors are shown with their paths; failed calls are left out.
    """
    run(["-f", "-y", "-e", f"trace={calls}", "-o", str(log)], script, check=True)
    matches = map(_CALL.match, log.read_text().splitlines())
    return [(match[1], match[2]) for match in matches if match and int(match[3]) >= 0]


def run(
    options: Sequence[str], script: Sequence[str], *, check: bool
) -> subprocess.CompletedProcess[str]:
    """Run *script*, a module and its arguments, under strace with *options*.

    Without -f strace follows the first thread only, and counts only its calls.
    """
    return subprocess.run(
        [str(need("strace")), "-qq", *options, sys.executable, "-m", *script],
        cwd=_ROOT,
        check=check,
        capture_output=True,
        text=True,
    )
