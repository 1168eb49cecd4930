"""The allocator is settled before what allocates is loaded, unless somebody did so."""

import os
import subprocess
import sys

from config.memory import ALLOCATOR, configure_allocator

# Ends at once; whatever main did before is seen as it ends.
PROBE = """
import atexit, os, sys, millpond
atexit.register(lambda: print(os.environ["_RJEM_MALLOC_CONF"], "polars" in sys.modules))
sys.argv = ["millpond", "--help"]
millpond.main()
"""


def test_every_command_settles_it_before_polars_is_loaded() -> None:
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


def test_what_the_operator_set_stays() -> None:
    environment = {ALLOCATOR: "narenas:4"}
    configure_allocator(environment)

    assert environment == {ALLOCATOR: "narenas:4"}
