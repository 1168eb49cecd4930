"""The commands of the proxy: run, worker, tail and doctor."""

import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path

import click

from config.cli import (
    check_writer,
    path_option,
    settings_option,
    writer_option,
)
from config.load import load
from config.logs import configure
from config.settings import Settings
from config.site_names import sites_by_name
from config.site_zones import check_zones
from warehouse.sites.removed import check_removals
from warehouse.unknown_sites import UNKNOWN_SITE_ID

_CLOCK = time.time  # noqa: TID251 - a command reads the clock once


@click.group(epilog="\b\nExample:\n  millpond proxy run --config millpond.toml")
def proxy() -> None:
    """Receive and anonymize events."""


@proxy.command(epilog="\b\nExample:\n  millpond proxy run --config millpond.toml")
@path_option
def run(path: Path) -> int:
    """Run all workers on one port until a signal stops them.

    SIGHUP, or millpond up --reload, replaces them one after the other.
    """
    from batcher.supervisor.cli import (  # noqa: PLC0415 - one use
        supervise_config,
        workers,
    )
    from batcher.supervisor.port import (  # noqa: PLC0415 - as above
        hold_port,
        lock_listeners,
    )
    from batcher.supervisor.single_instance import (  # noqa: PLC0415 - as above
        single_instance,
    )

    settings = load(path, os.environ)
    check_writer(settings)
    check_zones(settings)
    check_removals(settings)
    configure(sys.stderr)
    spool = Path(settings.spool.dir)
    with (
        single_instance("proxy run", [spool]),
        lock_listeners(spool) as inherited,
        hold_port("proxy", settings.proxy.host, settings.proxy.port),
    ):
        return supervise_config(path, settings, inherited, workers)


@proxy.command(epilog="\b\nExample:\n  millpond proxy worker 0")
@click.argument("number", type=click.IntRange(0, 63))
@click.option("--demo", is_flag=True, hidden=True, help="Serve the sample shop too.")
@click.option(
    "--shared", is_flag=True, hidden=True, help="Share a port the supervisor holds."
)
@click.option(
    "--listener", "listeners", type=int, multiple=True, hidden=True, help="As above."
)
@click.option("--ready", type=int, hidden=True, help="Where to say that it is ready.")
@writer_option
def worker(
    number: int,
    settings: Settings,
    *,
    demo: bool,
    shared: bool,
    listeners: tuple[int, ...],
    ready: int | None,
) -> None:
    """Run worker NUMBER alone in this process, on its own lane of the spool.

    The worker does not share its port. To run workers that share one, use proxy run.
    """
    from proxy.run import run_worker  # noqa: PLC0415 - aiohttp takes 0.3 s to import
    from proxy.worker.supervision import Supervision  # noqa: PLC0415 - as above

    configure(sys.stderr)
    check_zones(settings)
    supervision = Supervision(is_supervised=shared, listeners=listeners, ready=ready)
    run_worker(settings, number, supervision, demo=demo)


@proxy.command(epilog="\b\nExample:\n  millpond proxy tail --site shop")
@click.option("--site", metavar="ID", help="Only this site's hits.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="A table to read, or one JSON object per line.",
)
@settings_option
def tail(settings: Settings, site: str | None, output_format: str) -> int:
    """Show hits as they arrive, and why hits are dropped, until Ctrl-C.

    Shows only what is stored: nothing that identifies a visitor, and no objections.
    Hits that name none of your sites are shown under (unknown).
    """
    from proxy.tail.lines import MissedLines  # noqa: PLC0415 - one use
    from proxy.tail.reader import Workers  # noqa: PLC0415 - as above
    from proxy.tail.table import FORMS  # noqa: PLC0415 - as above
    from proxy.tail.unknown_visitors import UnknownVisitors  # noqa: PLC0415 - as above

    site = _present_site(site, settings)
    header, row = FORMS[output_format]
    unknown = UnknownVisitors()
    with Workers(Path(settings.spool.dir)) as workers:
        try:
            click.echo(header, nl=False)
            for line in workers.follow(partial(click.echo, err=True)):
                if site is None or isinstance(line, MissedLines) or line.site == site:
                    click.echo(row(line))
                    if advice := unknown.advice(line):
                        click.echo(advice, err=True)
        except (KeyboardInterrupt, BrokenPipeError):
            # Python writes unsent output at exit, which would fail on a closed pipe.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


@proxy.command(epilog="\b\nExample:\n  millpond proxy doctor --config millpond.toml")
@click.option(
    "--nginx",
    "nginx_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration of the nginx in front, if it is not in a usual place.",
)
@settings_option
def doctor(settings: Settings, nginx_file: Path | None) -> int:
    """Check this machine for faults that harm figures or privacy; changes nothing.

    Checks the web server's logs, the source of client addresses, salts, spool, keys,
    the geo database, and whether the proxy responds. Exits with 1 on a finding.
    """
    from proxy.doctor.examine import examine  # noqa: PLC0415 - one use
    from proxy.doctor.finding import Level  # noqa: PLC0415 - as above

    has_findings = False
    for finding in examine(settings, nginx_file, _CLOCK()):
        head = f"{finding.level:<8} {finding.about:<17} "
        click.echo(_wrap(finding.text, head))
        if finding.hint:
            click.echo(_wrap(f"hint: {finding.hint}", " " * len(head)))
        has_findings |= finding.level is Level.FINDING
    return 1 if has_findings else 0


def _wrap(text: str, head: str) -> str:
    width = shutil.get_terminal_size().columns
    return click.wrap_text(text, width, head, " " * len(head))


def _present_site(site: str | None, settings: Settings) -> str | None:
    """Return the present id of *site*; raise for an unknown name."""
    by_name = sites_by_name(settings)
    if site is None or site == UNKNOWN_SITE_ID:
        return site
    if site not in by_name:
        known = [*(site.id for site in settings.sites), UNKNOWN_SITE_ID]
        raise click.BadParameter(
            f"{site!r} is not one of {', '.join(known)}", param_hint="--site"
        )
    return by_name[site].id
