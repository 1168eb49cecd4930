"""The commands of the batcher."""

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batcher.spool.spool import Spool
from batcher.supervisor.signals import stop_on_signals
from batcher.supervisor.single_instance import ORPHANS_END_S, single_instance
from config.cli import trust_clock_option, writer_option
from config.files import data_directories
from config.logs import configure
from config.settings import Settings
from config.site_zones import check_zones
from warehouse.clock.believed_clock import Clocks
from warehouse.sites.removed import admit_sites

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
    """Load, build, compact, retain and destroy salts, until stopped."""
    configure(sys.stderr)
    check_zones(settings)
    stop = stop_on_signals()
    # When a supervisor was killed, its batcher may still run for a short time.
    wait_s = ORPHANS_END_S if supervised else 0.0
    with single_instance("batcher run", data_directories(settings), wait_s=wait_s):
        _run(settings, stop, trust_clock=trust_clock)


def _run(settings: Settings, stop: threading.Event, *, trust_clock: bool) -> None:
    # Imported after the signals are blocked, because native libraries start threads.
    from batcher.run import run as run_batcher  # noqa: PLC0415

    clocks = Clocks.of_machine(_CLOCK)
    if not run_batcher(settings, stop, clocks, trust_clock=trust_clock):
        os._exit(0)


@batcher.command(epilog="\b\nExample:\n  millpond batcher drain --config millpond.toml")
@writer_option
def drain(settings: Settings) -> None:
    """Load all acknowledged events now; safe while a batcher is running.

    The exit code is 3 if this drain finds frames missing or sets segments aside.
    """
    from batcher.drain import drain as drain_spool  # noqa: PLC0415 - Polars is slow
    from warehouse.lifecycle.retention import open_clock  # noqa: PLC0415 - as above
    from warehouse.tables import Warehouse  # noqa: PLC0415 - as above

    configure(sys.stderr)
    check_zones(settings)
    warehouse = Warehouse(Path(settings.warehouse.uri))
    admit_sites(warehouse.root, [site.id for site in settings.sites])
    # The clock is judged before the load: events with the time of a wrong clock must
    # not confirm that clock.
    open_clock(warehouse, Clocks.of_machine(_CLOCK))
    keys = _key_records(settings)
    keys.check(_CLOCK())
    result = drain_spool(
        Spool(Path(settings.spool.dir)),
        warehouse,
        settings,
        _CLOCK(),
        keys=keys,
        timeout_s=_DRAIN_TIMEOUT_S,
        monotonic=time.monotonic,
        sleep=time.sleep,
    )
    click.echo(f"drained: {result.account()}")
    result.check()
    result.check_complete()


@batcher.command(
    "accept-keys",
    epilog="\b\nExample:\n  millpond batcher accept-keys --yes",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@writer_option
def accept_keys(settings: Settings, *, yes: bool) -> None:
    """Accept new keys of sites that were replaced on purpose.

    Earlier orders that are reported again count again, and cannot be found by their
    order ids any more. The ledger records the new keys.
    """
    if not yes:
        try:
            click.confirm("known orders may count again; continue?", abort=True)
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
