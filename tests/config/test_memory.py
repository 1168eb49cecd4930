"""The allocator is configured before Polars is loaded, unless the operator did so."""

import os
import subprocess
import sys

from config.memory import ALLOCATOR, configure_allocator

# The process ends at once; the exit handler prints what main has done before.
PROBE = """
import atexit, os, sys, millpond
atexit.register(lambda: print(os.environ["_RJEM_MALLOC_CONF"], "polars" in sys.modules))
sys.argv = ["millpond", "--help"]
millpond.main()
"""


def test_every_command_configures_the_allocator_before_polars_is_loaded() -> None:
    environment = {**os.environ}
    environment.pop(ALLOCATOR, None)
    printed = subprocess.run(
        [sys.executable, "-c", PROBE],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    ).stdout

    assert printed.splitlines()[-1] == (
        "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0 False"
    )


def test_a_value_set_by_the_operator_is_unchanged() -> None:
    environment = {ALLOCATOR: "narenas:4"}
    configure_allocator(environment)

    assert environment == {ALLOCATOR: "narenas:4"}
