"""``millpond up``: run all roles on this machine under one supervisor."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click

from batcher.supervisor.child import Process, ReloadStep
from batcher.supervisor.port import check_port, hold_port, lock_listeners
from batcher.supervisor.reload import ConfigReload, ask_for_reload
from batcher.supervisor.single_instance import single_instance
from batcher.supervisor.supervise import supervise
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSetup:
    """What all processes of one supervisor get.

    *lock* is the descriptor of the lock for processes that listen on ports, *copy* the
    descriptors of the copy of the configuration, which *environ* names.
    """

    config: Path
    lock: Sequence[int] = ()
    copy: Sequence[int] = ()
    environ: Mapping[str, str] = field(default_factory=dict)


def processes(
    settings: Settings, setup: ProcessSetup, proxy_options: Iterable[str] = ()
) -> list[Process]:
    """Return the processes of one machine; the proxies stop first, reports last."""
    config = setup.config
    return [
        *workers(settings, setup, proxy_options),
        Process(
            name="batcher",
            argv=role("batcher", "run", "--supervised", config=config),
            stage=_BATCHER,
            inherits=setup.copy,
            environ=setup.environ,
            # A batcher with the former sites must not load rows of the new ones.
            on_reload=ReloadStep.PAUSE,
        ),
        Process(
            name="reports",
            argv=role("reports", "serve", config=config),
            stage=_REPORTS,
            inherits=[*setup.lock, *setup.copy],
            environ=setup.environ,
        ),
    ]


def workers(
    settings: Settings, setup: ProcessSetup, options: Iterable[str] = ()
) -> list[Process]:
    """Return the proxy's workers, which share a port that the supervisor reserves."""
    words = ("--shared", *options)
    return [
        Process(
            name=f"proxy-{number}",
            argv=role("proxy", "worker", str(number), *words, config=setup.config),
            stage=_PROXIES,
            inherits=[*setup.lock, *setup.copy],
            environ=setup.environ,
            listens_on=(settings.proxy.host, settings.proxy.port),
            on_reload=ReloadStep.REPLACE,
        )
        for number in range(settings.proxy.workers)
    ]


def supervise_config(
    path: Path,
    settings: Settings,
    lock: int,
    build: Callable[[Settings, ProcessSetup], list[Process]],
) -> int:
    """Supervise the processes that *build* returns; SIGHUP reads *path* again."""
    config = path.resolve()

    def build_processes(
        new: Settings, environ: Mapping[str, str], copy: Sequence[int]
    ) -> list[Process]:
        setup = ProcessSetup(config=config, lock=[lock], copy=copy, environ=environ)
        return build(new, setup)

    report = partial(click.echo, err=True)
    reload = ConfigReload(config, os.environ, build_processes, settings, report)
    return supervise(reload.start(), reload=reload)


@click.command(epilog="\b\nExample:\n  millpond up --config millpond.toml")
@click.option(
    "--reload",
    "is_reload",
    is_flag=True,
    help="Have the running Millpond read its configuration again, and wait for it.",
)
@trust_clock_option
@path_option
def up(path: Path, *, is_reload: bool, trust_clock: bool) -> int:
    """Run proxy, batcher and reports on this machine until stopped.

    With --reload, the workers of the running Millpond (up or proxy run) are replaced
    one after the other: no connection is refused. A configuration that cannot be used
    is refused, and the old processes go on.
    """
    settings = load(path, os.environ)
    check_writer(settings)
    if is_reload:
        ask_for_reload(settings)
        click.echo("reloaded: all processes run with the new configuration")
        return 0
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
        return supervise_config(path, settings, listeners_lock, processes)


def proxy_url(settings: Settings) -> str:
    """Return the URL of the proxy on this machine."""
    proxy = settings.proxy
    return f"http://{proxy.host}:{proxy.port}{proxy.path_prefix}"


def reports_url(settings: Settings) -> str:
    """Return the URL of the reports server on this machine."""
    return f"http://{settings.reports.host}:{settings.reports.port}/"
