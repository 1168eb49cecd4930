"""Commands that read the figures: show them, answer queries, serve them."""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from config.cli import settings_option
from config.logs import configure
from config.settings import Settings
from reports.caveats import Caveat, CaveatKind
from reports.clock import build_local_now, build_today, now_s
from reports.dimensions import ALIASES as DIMENSION_ALIASES
from reports.metrics import ALIASES as METRIC_ALIASES
from reports.query import DEFAULT_LIMIT, MAX_BODY_BYTES, decode_body
from warehouse.caveats import caveats as current_warnings
from warehouse.clock.believed_clock import Clocks
from warehouse.figures.prop_names import PROP_PREFIX
from warehouse.shop_list.cli import list_options

if TYPE_CHECKING:
    from reports.terminal.show import RawQueryReader

_DROPS: Final = "drops"
_DEFAULT_METRICS: Final = "visitors,sessions,pageviews,bounce_rate"
_TABLE_ROWS: Final = 10
_OPERATORS: Final = {"=": "is", "!=": "is_not", "~": "contains", "!~": "contains_not"}
_FILTER: Final = re.compile(r"([a-z_]+|prop:[^=~!]+)(!?[=~])(.+)", re.DOTALL)


_format = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="Output format.",
)


@click.group(epilog="\b\nExample:\n  millpond reports show --period 7d --by page")
def reports() -> None:
    """Read the figures."""


@reports.command(
    epilog="\b\nExample:\n  millpond reports show --period 30d --by source"
)
@click.option("--site", metavar="ID", help="Site; default: the first one.")
@click.option(
    "--period",
    default="7d",
    show_default=True,
    metavar="PERIOD",
    help="today, yesterday, 7d, 12mo, 2026-11, 2026 or FROM..TO.",
)
@click.option(
    "--by",
    default="page",
    show_default=True,
    metavar="WHAT",
    help="Dimensions such as page,source or prop:plan, or drops.",
)
@click.option("--metrics", metavar="NAMES", help="Columns, separated by commas.")
@click.option(
    "--where",
    multiple=True,
    metavar="FILTER",
    help="Filter such as country=DE,FR or page~/blog; != and !~ exclude.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="Maximum number of rows; default: 10 in a table, else 1,000.",
)
@_format
@settings_option
def show(
    settings: Settings,
    site: str | None,
    period: str,
    by: str,
    metrics: str | None,
    where: tuple[str, ...],
    limit: int | None,
    form: str,
) -> None:
    """Show the figures of a site: headlines, trend, and a table."""
    is_table = form == "table"
    dimensions = _parse_names(by, DIMENSION_ALIASES)
    if dimensions == [_DROPS] and (metrics or where):
        raise click.UsageError("--by drops takes no --metrics and no --where")
    raw = {
        "site": site or next((site.id for site in settings.sites), None),
        "metrics": _parse_names(metrics or _DEFAULT_METRICS, METRIC_ALIASES),
        "date_range": period,
        "dimensions": [] if dimensions == [_DROPS] else dimensions,
        "filters": [_parse_filter(text) for text in where],
        "limit": limit or (_TABLE_ROWS if is_table else DEFAULT_LIMIT),
        "totals": not is_table,
    }
    reader = _reader(settings)
    if dimensions == [_DROPS]:
        notes = reader.print_received(raw, form)
        if form == "csv":
            _print_warnings(settings)
            for note in notes:
                click.echo(f"note: {note}", err=True)
    elif is_table:
        reader.print_overview(raw, adds_orders=metrics is None)
    else:
        caveats = reader.print_answer(raw, form)
        if form == "csv":
            _print_caveats(caveats)


def _reader(settings: Settings) -> "RawQueryReader":
    from reports.terminal.show import RawQueryReader  # noqa: PLC0415 - Polars takes 0.6 s to import

    return RawQueryReader(
        settings, build_local_now(now_s), sys.stdout, warnings=_warnings(settings)
    )


def _warnings(settings: Settings) -> tuple[str, ...]:
    return current_warnings(settings, Clocks.of_machine(now_s))


def _print_caveats(caveats: Iterable[Caveat]) -> None:
    """Print the caveats on stderr, because a CSV has no place for them."""
    for caveat in caveats:
        kind = "warning" if caveat.kind is CaveatKind.WARNING else "note"
        click.echo(f"{kind}: {caveat.text}", err=True)


def _print_warnings(settings: Settings) -> None:
    """Print the warnings on stderr, because a CSV has no place for them."""
    for warning in _warnings(settings):
        click.echo(f"warning: {warning}", err=True)


def _parse_names(text: str, aliases: dict[str, str]) -> list[str]:
    """Return the names in *text*, separated by commas, as the API spells them."""
    names = (name.strip() for name in text.split(","))
    return [aliases.get(plain, plain) for plain in map(_plain_name, names)]


def _plain_name(name: str) -> str:
    """Return *name* with underscores; the key of a property stays as it is."""
    return name if name.startswith(PROP_PREFIX) else name.replace("-", "_")


def _parse_filter(text: str) -> list[object]:
    """Return a filter such as country=DE,FR as the API spells it."""
    match = _FILTER.fullmatch(text)
    if match is None:
        raise click.BadParameter(
            "must be a filter such as country=DE,FR or page~/blog",
            param_hint="--where",
        )
    name, operator, values = match.groups()
    dimension = DIMENSION_ALIASES.get(name, name)
    return [_OPERATORS[operator], dimension, values.split(",")]


@reports.command(
    epilog='\b\nExample:\n  echo \'{"site": "shop", "metrics": ["visitors"]}\''
    " | millpond reports query -"
)
@click.argument("file", type=click.File("rb"))
@settings_option
def query(file: IO[bytes], settings: Settings) -> None:
    """Answer the query in FILE (- for stdin) as JSON."""
    raw = decode_body(file.read(MAX_BODY_BYTES + 1))
    _reader(settings).print_answer(raw, "json")


@reports.command(
    epilog="\b\nExample:\n  millpond reports reconcile --site shop --orders shop.csv"
)
@click.option("--site", metavar="ID", help="Site; default: the first one.")
@click.option(
    "--orders",
    "file",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The shop's own list of orders: a CSV export with column names in row 1.",
)
@click.option(
    "--period", metavar="PERIOD", help="As in show; default: the days of the list."
)
@list_options
@_format
@settings_option
@click.pass_context
def reconcile(
    context: click.Context,
    /,
    settings: Settings,
    site: str | None,
    file: Path,
    period: str | None,
    decimal: str | None,
    dates: str | None,
    form: str,
    columns: Mapping[str, str],
) -> None:
    """Compare the shop's own orders with the counted ones; exit 1 if any differ."""
    from reports.reconcile import run as reconcile_run  # noqa: PLC0415 - Polars takes 0.6 s to import

    request = reconcile_run.ReconcileRequest(
        site=site,
        file=file,
        period=period,
        decimal=decimal,
        dates=dates,
        columns=columns,
    )
    is_equal = reconcile_run.run(
        settings,
        request,
        build_today(now_s),
        sys.stdout,
        form,
        warnings=_warnings(settings),
    )
    if form == "csv":
        _print_warnings(settings)
    context.exit(0 if is_equal else 1)


@reports.command(epilog="\b\nExample:\n  millpond reports serve --config millpond.toml")
@settings_option
def serve(settings: Settings) -> None:
    """Serve the overview page and the statistics API until SIGTERM or SIGINT."""
    from reports.web.run import serve as run  # noqa: PLC0415 - Polars takes 0.6 s

    configure(sys.stderr)
    run(settings)
