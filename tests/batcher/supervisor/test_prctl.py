"""A process with salts leaves no core file, even if the limits allow one."""

import subprocess
import sys

from tests.batcher.module_processes import ROOT

SCRIPT = """
import ctypes, os, resource, signal
from batcher.supervisor.prctl import forbid_core_dumps
resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
forbid_core_dumps()
PR_GET_DUMPABLE = 3
dumpable = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
print(dumpable, *resource.getrlimit(resource.RLIMIT_CORE), flush=True)
os.abort()
"""


def test_a_process_that_forbids_core_dumps_leaves_none() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    output, _ = process.communicate()

    assert output.split() == ["0", "0", "0"]
    assert process.returncode == -6
