"""Commands of the batcher: run the jobs, or empty the spool now."""

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batcher.spool.spool import Spool
from batcher.supervisor.signals import stop_on_signals
from batcher.supervisor.sole import ORPHANS_END_S, sole
from config.cli import trust_clock_option, writer_option
from config.files import data_directories
from config.logs import configure
from config.settings import Settings
from warehouse.clock.believed_clock import Clocks

if TYPE_CHECKING:
    from batcher.key_records import KeyRecords

_DRAIN_TIMEOUT_S = 120.0
_CLOCK = time.time  # noqa: TID251 - a command reads the clock


@click.group(epilog="\b\nExample:\n  millpond batcher run --config millpond.toml")
def batcher() -> None:
    """Load events and run the jobs."""


@batcher.command(epilog="\b\nExample:\n  millpond batcher run --config millpond.toml")
@trust_clock_option
@click.option("--supervised", is_flag=True, hidden=True, help="Started by up.")
@writer_option
def run(settings: Settings, *, trust_clock: bool, supervised: bool) -> None:
    """Load, build, compact, retain and destroy salts, until told to stop."""
    configure(sys.stderr)
    stop = stop_on_signals()
    # The batcher of a supervisor that was killed ends by itself soon.
    wait_s = ORPHANS_END_S if supervised else 0.0
    with sole("batcher run", data_directories(settings), wait_s=wait_s):
        _run(settings, stop, trust_clock=trust_clock)


def _run(settings: Settings, stop: threading.Event, *, trust_clock: bool) -> None:
    # Native libraries start threads, which must find the signals blocked.
    from batcher.run import run as run_batcher  # noqa: PLC0415

    clocks = Clocks.of_machine(_CLOCK)
    if not run_batcher(settings, stop, clocks, trust_clock=trust_clock):
        os._exit(0)


@batcher.command(epilog="\b\nExample:\n  millpond batcher drain --config millpond.toml")
@writer_option
def drain(settings: Settings) -> None:
    """Load all that was acknowledged before now; safe beside a running batcher.

    Ends with 3 where something is missing or set aside that was not before.
    """
    from batcher.drain import drain as drain_spool  # noqa: PLC0415 - Polars is slow
    from warehouse.lifecycle.retention import open_clock  # noqa: PLC0415 - as above
    from warehouse.tables import Warehouse  # noqa: PLC0415 - as above

    configure(sys.stderr)
    warehouse = Warehouse(Path(settings.warehouse.uri))
    # Before anything is loaded: events of a wrong clock are no evidence for it.
    open_clock(warehouse, Clocks.of_machine(_CLOCK))
    keys = _key_records(settings)
    keys.check(_CLOCK())
    loaded = drain_spool(
        Spool(Path(settings.spool.dir)),
        warehouse,
        settings,
        _CLOCK(),
        keys=keys,
        timeout_s=_DRAIN_TIMEOUT_S,
        monotonic=time.monotonic,
        sleep=time.sleep,
    )
    click.echo(f"drained: {loaded.account()}")
    loaded.check()
    loaded.check_complete()


@batcher.command(
    "accept-keys",
    epilog="\b\nExample:\n  millpond batcher accept-keys --yes",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@writer_option
def accept_keys(settings: Settings, *, yes: bool) -> None:
    """Go on with new keys of sites, where they were replaced on purpose.

    Orders from before that are reported again will count again, and can no longer
    be found by their ids. The ledger records it.
    """
    if not yes:
        try:
            click.confirm("known orders may count again; go on?", abort=True)
        except click.Abort:
            click.echo("nothing was accepted; without a terminal use --yes", err=True)
            raise
    accepted = _key_records(settings).accept(_CLOCK())
    click.echo(f"accepted: {accepted}")


def _key_records(settings: Settings) -> "KeyRecords":
    from batcher.key_records import KeyRecords  # noqa: PLC0415 - Polars is slow
    from warehouse.tables import Warehouse  # noqa: PLC0415 - as above

    return KeyRecords(
        Warehouse(Path(settings.warehouse.uri)),
        Path(settings.spool.dir),
        [site.id for site in settings.sites],
    )
