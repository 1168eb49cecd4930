"""Commands of the warehouse: build, check, compact, retain and describe the tables."""

import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from config.cli import settings_option, trust_clock_option, writer_option
from config.logs import configure
from config.settings import Settings
from config.site_zones import check_zones
from warehouse.caveats import caveats
from warehouse.clock.believed_clock import Clocks
from warehouse.clock.clock_doubt import Believed
from warehouse.job_states import job_state_path, read_job_states
from warehouse.sites.cli import site

if TYPE_CHECKING:
    from warehouse.tables import Warehouse

_FINDINGS = 1
_CLOCK = time.time  # noqa: TID251 - a command reads the clock once

_since = click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="First day to process."
)
_until = click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day to process."
)
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)


def _open_warehouse(settings: Settings) -> "Warehouse":
    from warehouse.register import check_bound  # noqa: PLC0415 - as below
    from warehouse.tables import Warehouse  # noqa: PLC0415 - Polars takes 0.6 s

    configure(sys.stderr)
    root = Path(settings.warehouse.uri)
    check_bound(root, Path(settings.spool.dir))
    return Warehouse(root)


def _day(value: datetime | None) -> date | None:
    return None if value is None else value.date()


@click.group(epilog="\b\nExample:\n  millpond warehouse info")
def warehouse() -> None:
    """Build and maintain the tables."""


warehouse.add_command(site)


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse build --full")
@_since
@_until
@click.option("--full", is_flag=True, help="All days, not only changed ones.")
@_format
@writer_option
def build(
    *,
    settings: Settings,
    since: datetime | None,
    until: datetime | None,
    full: bool,
    form: str,
) -> None:
    """Build sessions and daily_stats from the events that changed."""
    from warehouse.build import build as build_tables  # noqa: PLC0415 - Polars
    from warehouse.build import rules_of  # noqa: PLC0415 - takes 0.6 s

    check_zones(settings)
    result = build_tables(
        _open_warehouse(settings),
        rules_of(settings),
        _CLOCK(),
        since=_day(since),
        until=_day(until),
        full=full,
    )
    _print(result, form)


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse rebuild --diff")
@_since
@_until
@click.option("--diff", is_flag=True, required=True, help="Only compare.")
@_format
@settings_option
def rebuild(
    *,
    settings: Settings,
    since: datetime | None,
    until: datetime | None,
    diff: bool,
    form: str,
) -> int:
    """Compute all figures again and list those that are stored differently.

    Also lists events that no load recorded, or that are stored twice.
    """
    from warehouse.build import is_within, rules_of  # noqa: PLC0415 - Polars
    from warehouse.lifecycle import row_account  # noqa: PLC0415 - takes 0.6 s
    from warehouse.rebuild_check import rebuild_differences  # noqa: PLC0415 - as above
    from warehouse.schema import EVENTS  # noqa: PLC0415 - as above

    del diff
    tables, first, last = _open_warehouse(settings), _day(since), _day(until)
    rules = rules_of(settings)
    differences = rebuild_differences(tables, rules, since=first, until=last)
    events = tables.view(EVENTS)
    days = [day for day in events.days() if is_within(day, first, last)]
    findings = row_account.count_findings(events)
    findings += row_account.repeat_findings(events, days)
    if form == "json":
        click.echo(msgspec.json.encode([*differences, *findings]).decode())
    else:
        for difference in differences:
            place = f"{difference.table}  {difference.site}  {difference.day}"
            click.echo(f"{place}  differs")
        for row in findings:
            click.echo(f"{row.table}  {row.day or 'all days'}  {row.problem}")
        click.echo(f"{len(differences) + len(findings)} differences")
    return _FINDINGS if differences or findings else 0


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse verify")
@_format
@settings_option
def verify(settings: Settings, form: str) -> int:
    """Read every byte of the tables and list damaged files and records."""
    from warehouse.lifecycle.verify import verify as verify_tables  # noqa: PLC0415 - Polars

    result = verify_tables(_open_warehouse(settings))
    if form == "json":
        click.echo(msgspec.json.encode(result).decode())
    else:
        for damage in result.damage:
            parts = [damage.table, damage.file, damage.problem]
            click.echo("  ".join(filter(None, parts)))
        click.echo(
            f"{result.tables} tables, {result.files:,} files,"
            f" {result.size_bytes:,} bytes read: {len(result.damage)} findings"
        )
    return _FINDINGS if result.damage else 0


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse compact")
@trust_clock_option
@writer_option
def compact(settings: Settings, *, trust_clock: bool) -> None:
    """Merge the files of each day into one, and remove files no version needs."""
    from warehouse.lifecycle.compaction import compact_all  # noqa: PLC0415 - Polars takes 0.6 s

    tables = _open_warehouse(settings)
    believed = _believed(tables, trust_clock=trust_clock)
    merged = compact_all(tables, believed.at_s, removes_files=believed.doubt is None)
    click.echo(f"{merged} files merged")
    _warn(believed)


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse retain")
@trust_clock_option
@writer_option
def retain(settings: Settings, *, trust_clock: bool) -> None:
    """Remove the days past their retention, including their bytes."""
    from warehouse.lifecycle import retention  # noqa: PLC0415 - Polars takes 0.6 s

    tables = _open_warehouse(settings)
    believed = _believed(tables, trust_clock=trust_clock)
    removed = retention.retain(tables, settings.warehouse, believed)
    for part in removed:
        click.echo(f"{part.table}  {part.days[0]} to {part.days[-1]}  {part.rows} rows")
    click.echo(f"{sum(len(part.days) for part in removed)} days removed")


def _believed(tables: "Warehouse", *, trust_clock: bool) -> Believed:
    from warehouse.lifecycle.retention import open_clock  # noqa: PLC0415 - Polars takes 0.6 s

    clocks = Clocks.of_machine(_CLOCK)
    return open_clock(tables, clocks, trusted=trust_clock).look()


def _warn(believed: Believed) -> None:
    if believed.doubt:
        click.echo(f"warning: {believed.doubt}", err=True)
        click.echo(f"  hint: {believed.doubt.hint}", err=True)


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse info --format json")
@_format
@settings_option
def info(settings: Settings, form: str) -> None:
    """Show the contents of the tables and the states of the jobs."""
    from warehouse.info import table_infos  # noqa: PLC0415 - Polars takes 0.6 s
    from warehouse.info_text import job_lines, table_lines  # noqa: PLC0415 - as above

    infos = table_infos(_open_warehouse(settings))
    states = read_job_states(job_state_path(Path(settings.spool.dir)))
    warnings = caveats(settings, Clocks.of_machine(_CLOCK))
    if form == "json":
        document = {"tables": infos, "jobs": states, "warnings": warnings}
        click.echo(msgspec.json.encode(document).decode())
        return
    problems = [info.problem for info in infos if info.problem is not None]
    lines = [*table_lines(infos), *problems, "", *job_lines(states, _CLOCK())]
    if warnings:
        lines += ["", *(f"warning: {warning}" for warning in warnings)]
    click.echo("\n".join(lines))


def _print(result: msgspec.Struct, form: str) -> None:
    if form == "json":
        click.echo(msgspec.json.encode(result).decode())
        return
    facts = msgspec.structs.asdict(result)
    click.echo("  ".join(f"{name} {value:,}" for name, value in facts.items()))
