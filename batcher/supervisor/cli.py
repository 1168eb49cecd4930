"""``millpond up``: run all roles on this machine under one supervisor."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from batcher.supervisor.port import check_port, hold_port, lock_listeners
from batcher.supervisor.single_instance import single_instance
from batcher.supervisor.supervise import Process, supervise
from config.cli import check_writer, path_option, trust_clock_option
from config.files import data_directories
from config.load import load
from config.logs import configure
from config.settings import Settings
from config.site_zones import check_zones
from warehouse.clock.believed_clock import Clocks, note_trusted
from warehouse.sites.removed import check_removals

_CLOCK = time.time  # noqa: TID251 - a command reads the clock
_PROXIES, _BATCHER, _REPORTS = range(3)


def role(*words: str, config: Path) -> list[str]:
    """Return the command that runs one role in a separate process."""
    return [sys.executable, "-m", "millpond", *words, "--config", str(config)]


def processes(
    settings: Settings,
    config: Path,
    proxy_options: Iterable[str] = (),
    inherits: Sequence[int] = (),
) -> list[Process]:
    """Return the processes of one machine; the proxies stop first, reports last.

    The processes that listen on ports inherit the open descriptors *inherits*.
    """
    return [
        *workers(settings, config, proxy_options, inherits),
        Process(
            name="batcher",
            argv=role("batcher", "run", "--supervised", config=config),
            stage=_BATCHER,
        ),
        Process(
            name="reports",
            argv=role("reports", "serve", config=config),
            stage=_REPORTS,
            inherits=inherits,
        ),
    ]


def workers(
    settings: Settings,
    config: Path,
    options: Iterable[str] = (),
    inherits: Sequence[int] = (),
) -> list[Process]:
    """Return the proxy's workers, which share a port that the supervisor reserves."""
    words = ("--shared", *options)
    return [
        Process(
            name=f"proxy-{number}",
            argv=role("proxy", "worker", str(number), *words, config=config),
            stage=_PROXIES,
            inherits=inherits,
        )
        for number in range(settings.proxy.workers)
    ]


@click.command(epilog="\b\nExample:\n  millpond up --config millpond.toml")
@trust_clock_option
@path_option
def up(path: Path, *, trust_clock: bool) -> int:
    """Run proxy, batcher and reports on this machine until stopped."""
    settings = load(path, os.environ)
    check_writer(settings)
    check_zones(settings)
    check_removals(settings)
    configure(sys.stderr)
    spool = Path(settings.spool.dir)
    proxy, reports = settings.proxy, settings.reports
    with (
        single_instance("up", data_directories(settings)),
        single_instance("proxy run", [spool]),
        lock_listeners(spool) as listeners_lock,
        hold_port("proxy", proxy.host, proxy.port),
    ):
        check_port("reports", reports.host, reports.port)
        if trust_clock:
            # Noted here, because a restarted batcher must not trust the clock again.
            clocks = Clocks.of_machine(_CLOCK)
            note_trusted(Path(settings.warehouse.uri), clocks)
        click.echo(f"tag and events  {proxy_url(settings)}", err=True)
        click.echo(f"reports         {reports_url(settings)}", err=True)
        return supervise(processes(settings, path.resolve(), inherits=[listeners_lock]))


def proxy_url(settings: Settings) -> str:
    """Return the URL of the proxy on this machine."""
    proxy = settings.proxy
    return f"http://{proxy.host}:{proxy.port}{proxy.path_prefix}"


def reports_url(settings: Settings) -> str:
    """Return the URL of the reports server on this machine."""
    return f"http://{settings.reports.host}:{settings.reports.port}/"
