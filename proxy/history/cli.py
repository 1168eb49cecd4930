"""``millpond import access-log``: old log lines through the pipeline to the tables.

The only part of the proxy that loads the data libraries: it is a separate command, not
part of the server.
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from config.cli import writer_option
from config.logs import configure
from config.settings import Settings
from proxy.history.formats.registry import AUTO, FORMATS
from proxy.history.options import ImportOptions
from proxy.history.orders.cli import orders
from proxy.history.run import ImportOutcome, Lists, Show, import_logs
from proxy.history.summary import retention_note, summary
from proxy.page.referrer import Referrers
from proxy.user_agent.classifier import Classifier

_CLOCK = time.time  # noqa: TID251 - a command reads the clock

_EXAMPLE = (
    "\b\nExample:\n  millpond import access-log /var/log/nginx/access.log* --site shop"
)


def _parse_zone(_context: click.Context, _option: click.Parameter, name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise click.BadParameter(f"{name!r} is not an IANA time zone") from None


@click.group(epilog=_EXAMPLE)
def import_() -> None:
    """Import history from access logs and lists of orders."""


import_.add_command(orders)


@import_.command("access-log", epilog=_EXAMPLE)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    # An unreadable file is reported when it is opened, with a better message.
    type=click.Path(exists=True, dir_okay=False, readable=False, path_type=Path),
)
@click.option("--site", "site_id", required=True, help="Site the log belongs to.")
@click.option(
    "--server",
    default="",
    help="Name of the web server, if several servers log the same pages.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice([AUTO, *(known.name for known in FORMATS)]),
    default=AUTO,
    show_default=True,
    help="Format of the files; auto recognises it for each file.",
)
@click.option(
    "--timezone",
    "zone",
    callback=_parse_zone,
    default="UTC",
    show_default=True,
    help="Time zone of times that are logged without an offset.",
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day to import.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day to import.")
@click.option(
    "--also-measured",
    is_flag=True,
    help="Import days too on which the site's pages themselves reported page views.",
)
@writer_option
def access_log(
    files: tuple[Path, ...],
    site_id: str,
    server: str,
    format_name: str,
    zone: tzinfo,
    since: datetime | None,
    until: datetime | None,
    settings: Settings,
    *,
    also_measured: bool,
) -> None:
    """Import FILES, plain or compressed by gzip, bzip2 or zstd, as page views.

    Importing a line again changes no figure. If an import is interrupted, start it
    again: it continues where it stopped.
    """
    if since is not None and until is not None and since > until:
        raise click.UsageError("--since is later than --until")
    configure(sys.stderr, level=logging.WARNING)
    with _bar(files) as show:
        outcome = import_logs(
            settings,
            files,
            site_id,
            options=ImportOptions(
                server=server,
                format_name=None if format_name == AUTO else format_name,
                zone=zone,
                since=None if since is None else since.date(),
                until=None if until is None else until.date(),
                also_measured=also_measured,
            ),
            lists=Lists(Classifier(), Referrers()),
            clock=_CLOCK,
            monotonic=time.monotonic,
            sleep=time.sleep,
            show=show,
        )
    _print_outcome(outcome, site_id, settings)


def _print_outcome(outcome: ImportOutcome, site_id: str, settings: Settings) -> None:
    tally, problems = outcome.tally, outcome.problems
    click.echo(
        summary(tally, outcome.duplicates, site_id, outcome.files, outcome.measured)
    )
    note = retention_note(tally, settings.warehouse.keep_events_days, _CLOCK())
    if note:
        click.echo(note, err=True)
    for problem in problems[:-1]:
        click.echo(f"millpond: {problem}", err=True)
    if problems:
        raise problems[-1]


@contextmanager
def _bar(files: tuple[Path, ...]) -> Iterator[Show]:
    """Show a progress bar on a terminal; yield the function that updates it."""
    sizes = {path: path.stat().st_size for path in files}
    positions = dict.fromkeys(files, 0)
    with click.progressbar(
        length=sum(sizes.values()),
        label="importing",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:

        def show(path: Path, position: int) -> None:
            bar.update(position - positions[path])
            positions[path] = position

        yield show
