"""``millpond up``: every role on this machine, supervised and shut down in order."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from batcher.supervisor.port import check_port, hold_port, listeners
from batcher.supervisor.sole import sole
from batcher.supervisor.supervise import Process, supervise
from config.cli import check_writer, path_option, trust_clock_option
from config.files import data_directories
from config.load import load
from config.logs import configure
from config.settings import Settings
from warehouse.clock.believed_clock import Clocks, note_trusted

_CLOCK = time.time  # noqa: TID251 - a command reads the clock
_PROXIES, _BATCHER, _REPORTS = range(3)


def role(*words: str, config: Path) -> list[str]:
    """Return the command that runs one role in a process of its own."""
    return [sys.executable, "-m", "millpond", *words, "--config", str(config)]


def processes(
    settings: Settings,
    config: Path,
    proxy_options: Iterable[str] = (),
    inherits: Sequence[int] = (),
) -> list[Process]:
    """Return the processes of one machine; the proxies stop first, reports last.

    Those that listen get the open descriptors *inherits*.
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
    """Return the proxy's workers, which share a port that the supervisor holds."""
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
    """Run proxy, batcher and reports here until told to stop."""
    settings = load(path, os.environ)
    check_writer(settings)
    configure(sys.stderr)
    spool = Path(settings.spool.dir)
    proxy, reports = settings.proxy, settings.reports
    with (
        sole("up", data_directories(settings)),
        sole("proxy run", [spool]),
        listeners(spool) as inherited,
        hold_port("proxy", proxy.host, proxy.port),
    ):
        check_port("reports", reports.host, reports.port)
        if trust_clock:
            # Here, not by the batcher: one that is started again must not trust again.
            clocks = Clocks.of_machine(_CLOCK)
            note_trusted(Path(settings.warehouse.uri), clocks)
        click.echo(f"tag and events  {proxy_url(settings)}", err=True)
        click.echo(f"reports         {reports_url(settings)}", err=True)
        return supervise(processes(settings, path.resolve(), inherits=[inherited]))


def proxy_url(settings: Settings) -> str:
    """Return the proxy's own address on this machine."""
    proxy = settings.proxy
    return f"http://{proxy.host}:{proxy.port}{proxy.path_prefix}"


def reports_url(settings: Settings) -> str:
    """Return the address of the reports server."""
    return f"http://{settings.reports.host}:{settings.reports.port}/"
