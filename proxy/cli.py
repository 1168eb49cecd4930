"""Commands of the proxy: run it, or one worker of it."""

import os
import shutil
import sys
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
from proxy.pipeline.drops import UNKNOWN_SITE_ID


@click.group(epilog="\b\nExample:\n  millpond proxy run --config millpond.toml")
def proxy() -> None:
    """Receive and anonymize events."""


@proxy.command(epilog="\b\nExample:\n  millpond proxy run --config millpond.toml")
@path_option
def run(path: Path) -> int:
    """Run all workers, on one port, until told to stop."""
    from batcher.supervisor.cli import workers  # noqa: PLC0415 - one use
    from batcher.supervisor.port import hold_port, listeners  # noqa: PLC0415 - as above
    from batcher.supervisor.sole import sole  # noqa: PLC0415 - as above
    from batcher.supervisor.supervise import supervise  # noqa: PLC0415 - as above

    settings = load(path, os.environ)
    check_writer(settings)
    configure(sys.stderr)
    spool = Path(settings.spool.dir)
    with (
        sole("proxy run", [spool]),
        listeners(spool) as inherited,
        hold_port("proxy", settings.proxy.host, settings.proxy.port),
    ):
        return supervise(workers(settings, path.resolve(), inherits=[inherited]))


@proxy.command(epilog="\b\nExample:\n  millpond proxy worker 0")
@click.argument("number", type=click.IntRange(0, 63))
@click.option("--demo", is_flag=True, hidden=True, help="Serve the sample shop too.")
@click.option(
    "--shared", is_flag=True, hidden=True, help="Share a port the supervisor holds."
)
@writer_option
def worker(number: int, settings: Settings, *, demo: bool, shared: bool) -> None:
    """Run worker NUMBER alone, in this process; each has a lane of the spool.

    It has its port to itself: workers that share one are started by proxy run.
    """
    from proxy.run import run_worker  # noqa: PLC0415 - aiohttp takes 0.3 s to import

    configure(sys.stderr)
    run_worker(settings, number, demo=demo, shared=shared)


@proxy.command(epilog="\b\nExample:\n  millpond proxy tail --site shop")
@click.option("--site", metavar="ID", help="Only this site's hits.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="A table for people, or an object a line.",
)
@settings_option
def tail(settings: Settings, site: str | None, form: str) -> int:
    """Show what arrives and why hits are dropped, as it happens, until Ctrl-C.

    Shown is what is stored, never who somebody is; objections are not shown. Hits
    that name no site of yours are under (unknown).
    """
    from proxy.tail.lines import MissedLines  # noqa: PLC0415 - one use
    from proxy.tail.reader import Workers  # noqa: PLC0415 - as above
    from proxy.tail.table import FORMS  # noqa: PLC0415 - as above

    _check_site(site, settings)
    header, row = FORMS[form]
    with Workers(Path(settings.spool.dir)) as workers:
        try:
            click.echo(header, nl=False)
            for line in workers.follow(partial(click.echo, err=True)):
                if site is None or isinstance(line, MissedLines) or line.site == site:
                    click.echo(row(line))
        except (KeyboardInterrupt, BrokenPipeError):
            # What a closed pipe did not take must not be written at the end, either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


@proxy.command(epilog="\b\nExample:\n  millpond proxy doctor --config millpond.toml")
@click.option(
    "--nginx",
    "nginx_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration of the nginx in front, if it is not where it usually is.",
)
@settings_option
def doctor(settings: Settings, nginx_file: Path | None) -> int:
    """Look for what would spoil figures or privacy on this machine; change nothing.

    The web server's logs, where the client's address comes from, salts, spool, keys,
    countries, and whether the proxy answers. Ends with 1 if something is wrong.
    """
    from proxy.doctor.examine import examine  # noqa: PLC0415 - one use
    from proxy.doctor.finding import Level  # noqa: PLC0415 - as above

    found = 0
    for each in examine(settings, nginx_file):
        head = f"{each.level:<8} {each.about:<17} "
        click.echo(_wrapped(each.text, head))
        if each.hint:
            click.echo(_wrapped(f"hint: {each.hint}", " " * len(head)))
        found += each.level is Level.FINDING
    return 1 if found else 0


def _wrapped(text: str, head: str) -> str:
    width = shutil.get_terminal_size().columns
    return click.wrap_text(text, width, head, " " * len(head))


def _check_site(site: str | None, settings: Settings) -> None:
    known = [*(each.id for each in settings.sites), UNKNOWN_SITE_ID]
    if site is not None and site not in known:
        raise click.BadParameter(
            f"{site!r} is none of {', '.join(known)}", param_hint="--site"
        )
