"""Commands of the warehouse: build, check, merge, retain, and say what there is."""

import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from config.cli import settings_option, trust_clock_option, writer_option
from config.logs import configure
from config.settings import Settings
from warehouse.caveats import caveats
from warehouse.clock.believed_clock import Believed, ClockError, Clocks
from warehouse.job_states import (
    JobState,
    job_state_path,
    late_jobs,
    lateness,
    read_job_states,
    utc_text,
)

if TYPE_CHECKING:
    from warehouse.info import TableInfo
    from warehouse.tables import Warehouse

_FINDINGS = 1
_CLOCK = time.time  # noqa: TID251 - a command reads the clock once

_since = click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="First day to look at."
)
_until = click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day to look at."
)
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print it.",
)


def _opened(settings: Settings) -> "Warehouse":
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
    """Build and look after the tables."""


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse build --full")
@_since
@_until
@click.option("--full", is_flag=True, help="Every day, not only what changed.")
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

    built = build_tables(
        _opened(settings),
        rules_of(settings),
        _CLOCK(),
        since=_day(since),
        until=_day(until),
        full=full,
    )
    _print(built, form)


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse rebuild --diff")
@_since
@_until
@click.option("--diff", is_flag=True, required=True, help="Change nothing; compare.")
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
    """Compute every figure anew and name those that are stored differently.

    Names also what does not add up in the events: rows that no load recorded.
    """
    from warehouse.build import (  # noqa: PLC0415 - Polars takes 0.6 s
        is_within,
        rebuild_differences,
        rules_of,
    )
    from warehouse.lifecycle import row_account  # noqa: PLC0415 - Polars takes 0.6 s
    from warehouse.schema import EVENTS  # noqa: PLC0415 - as above

    del diff
    opened, first, last = _opened(settings), _day(since), _day(until)
    rules = rules_of(settings)
    found = rebuild_differences(opened, rules, since=first, until=last)
    events = opened.view(EVENTS)
    days = [day for day in events.days() if is_within(day, first, last)]
    rows = row_account.count_findings(events)
    rows += row_account.repeat_findings(events, days)
    if form == "json":
        click.echo(msgspec.json.encode([*found, *rows]).decode())
    else:
        for each in found:
            click.echo(f"{each.table}  {each.site}  {each.day}  differs")
        for row in rows:
            click.echo(f"{row.table}  {row.day or 'all days'}  {row.problem}")
        click.echo(f"{len(found) + len(rows)} differences")
    return _FINDINGS if found or rows else 0


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse verify")
@_format
@settings_option
def verify(settings: Settings, form: str) -> int:
    """Read every byte of the tables, and name what is not as it was written."""
    from warehouse.lifecycle.verify import verify as verify_tables  # noqa: PLC0415 - Polars

    found = verify_tables(_opened(settings))
    if form == "json":
        click.echo(msgspec.json.encode(found).decode())
    else:
        for each in found.damage:
            click.echo("  ".join(filter(None, [each.table, each.file, each.problem])))
        click.echo(
            f"{found.tables} tables, {found.files:,} files,"
            f" {found.size_bytes:,} bytes read: {len(found.damage)} findings"
        )
    return _FINDINGS if found.damage else 0


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse compact")
@trust_clock_option
@writer_option
def compact(settings: Settings, *, trust_clock: bool) -> None:
    """Merge each day's files into one, and remove what no version needs."""
    from warehouse.lifecycle.compaction import compact_all  # noqa: PLC0415 - Polars takes 0.6 s

    tables = _opened(settings)
    believed = _believed(tables, trust_clock=trust_clock)
    merged = compact_all(tables, believed.at_s, removes_files=believed.doubt is None)
    click.echo(f"{merged} files merged")
    _warn(believed)


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse retain")
@trust_clock_option
@writer_option
def retain(settings: Settings, *, trust_clock: bool) -> None:
    """Remove the days that are kept no longer, bytes included."""
    from warehouse.lifecycle import retention  # noqa: PLC0415 - Polars takes 0.6 s

    tables = _opened(settings)
    believed = _believed(tables, trust_clock=trust_clock)
    if believed.doubt:
        raise ClockError(
            f"retain: {believed.doubt}",
            hint=believed.doubt.hint,
        )
    today = datetime.fromtimestamp(believed.at_s, UTC).date()
    removed = retention.retain(tables, settings.warehouse, today, believed.at_s)
    for each in removed:
        click.echo(f"{each.table}  {each.days[0]} to {each.days[-1]}  {each.rows} rows")
    click.echo(f"{sum(len(each.days) for each in removed)} days removed")


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
    """Show what the tables hold, and how the jobs are doing."""
    from warehouse.info import table_infos  # noqa: PLC0415 - Polars takes 0.6 s

    infos = table_infos(_opened(settings))
    states = read_job_states(job_state_path(Path(settings.spool.dir)))
    warnings = caveats(settings, Clocks.of_machine(_CLOCK))
    if form == "json":
        found = {"tables": infos, "jobs": states, "warnings": warnings}
        click.echo(msgspec.json.encode(found).decode())
        return
    problems = [each.problem for each in infos if each.problem is not None]
    lines = [*_table_lines(infos), *problems, "", *_job_lines(states)]
    lines += ["", *(f"warning: {each}" for each in warnings)] if warnings else []
    click.echo("\n".join(lines))


def _table_lines(infos: list["TableInfo"]) -> list[str]:
    head = f"{'table':<12} {'days':>6} {'first':<10} {'last':<10}"
    lines = [f"{head} {'files':>6} {'rows':>12} {'bytes':>14} {'version':>8}"]
    for each in infos:
        first, last = each.first_day or "-", each.last_day or "-"
        lines.append(
            f"{each.table:<12} {each.days:>6} {first!s:<10} {last!s:<10}"
            f" {each.files:>6} {each.rows:>12,} {each.size_bytes:>14,}"
            f" {each.version:>8}"
        )
    return lines


def _job_lines(states: dict[str, JobState]) -> list[str]:
    if not states:
        return ["no job has run yet; `millpond batcher run` runs them"]
    late = late_jobs(states, _CLOCK())
    return [
        f"job {name:<14} {_job_line(state, is_late=name in late)}"
        for name, state in states.items()
    ]


def _job_line(state: JobState, *, is_late: bool) -> str:
    if state.failures or is_late:
        return f"{'FAILED' if state.failures else 'LATE'}: {lateness(state)}"
    last = state.last_success_at
    when = "never" if last is None else utc_text(last)
    return f"fine, last at {when}: {state.summary or '-'}"


def _print(result: msgspec.Struct, form: str) -> None:
    if form == "json":
        click.echo(msgspec.json.encode(result).decode())
        return
    facts = msgspec.structs.asdict(result)
    click.echo("  ".join(f"{name} {value:,}" for name, value in facts.items()))
