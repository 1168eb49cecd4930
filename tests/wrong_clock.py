"""A wrong clock for real processes, made with libfaketime.

Only a wrong clock is always doubted. If a time service synchronises the clock of the
kernel, the right time is believed whatever the stored witness says.
"""

from dataclasses import replace

from tests.processes import Installation
from tests.programs import need


def wrong_clock(offset: str) -> dict[str, str]:
    """Return the environment of a process whose wall clock is off by *offset*."""
    # The program `faketime` would be an extra process between the test and Millpond.
    library = max(need("faketime").parents[1].rglob("faketime/libfaketimeMT.so.1"))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def with_wrong_clock(installation: Installation, offset: str) -> Installation:
    """Return the same installation, whose processes see a clock off by *offset*."""
    environ = {**installation.environ, **wrong_clock(offset)}
    return replace(installation, environ=environ)
