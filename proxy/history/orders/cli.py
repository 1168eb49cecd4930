"""``millpond import orders``: the shop's list of orders, or native events of orders."""

import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from config.cli import writer_option
from config.logs import configure
from config.settings import Settings
from proxy.history.orders.order_events import Lists
from proxy.history.orders.run import OrderImport, OrdersOutcome, import_orders
from proxy.history.orders.summary import notes, orders_summary
from proxy.page.referrer import Referrers
from proxy.user_agent.classifier import Classifier
from warehouse.shop_list.cli import list_options

_CLOCK = time.time  # noqa: TID251 - a command reads the clock

_EXAMPLE = "\b\nExample:\n  millpond import orders orders_export.csv --site shop"


@click.command(epilog=_EXAMPLE)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    # An unreadable file is reported when it is opened, with a better message.
    type=click.Path(exists=True, dir_okay=False, readable=False, path_type=Path),
)
@click.option("--site", "site_id", required=True, help="Site the orders belong to.")
@list_options
@click.option("--dry-run", is_flag=True, help="Show what would be filed; file nothing.")
@writer_option
@click.pass_context
def orders(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    site_id: str,
    decimal: str | None,
    dates: str | None,
    *,
    dry_run: bool,
    settings: Settings,
    columns: Mapping[str, str],
) -> None:
    """Import the orders in FILES on their own days; exit 1 if some are not filed.

    A file is the shop's CSV export, as in `reports reconcile`, or native events, one
    JSON object a line; plain or gzip. Importing an order again changes no figure.
    """
    configure(sys.stderr, level=logging.WARNING)
    request = OrderImport(
        site=site_id,
        files=files,
        decimal=decimal,
        dates=dates,
        columns=columns,
        dry_run=dry_run,
    )
    outcome = import_orders(
        settings,
        request,
        lists=Lists(Classifier(), Referrers()),
        clock=_CLOCK,
        monotonic=time.monotonic,
        sleep=time.sleep,
    )
    _print(outcome, request, settings)
    context.exit(1 if outcome.tally.unfiled else 0)


def _print(outcome: OrdersOutcome, request: OrderImport, settings: Settings) -> None:
    summary = orders_summary(
        outcome.tally,
        [*outcome.readings],
        site_id=request.site,
        is_dry_run=request.dry_run,
    )
    click.echo(summary)
    keep_days = settings.warehouse.keep_events_days
    for note in notes(outcome.tally, outcome.keep, keep_days):
        click.echo(note, err=True)
    for problem in outcome.problems:
        raise problem
