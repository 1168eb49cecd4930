"""Commands of the warehouse: build, check, merge, retain, and say what there is."""

import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from config.cli import settings_option
from config.logs import configure
from config.settings import Settings

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
    from warehouse.tables import Warehouse  # noqa: PLC0415 - Polars takes 0.6 s

    configure(sys.stderr)
    return Warehouse(Path(settings.warehouse.uri))


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
@settings_option
def build(
    *,
    settings: Settings,
    since: datetime | None,
    until: datetime | None,
    full: bool,
    form: str,
) -> None:
    """Build sessions and daily_stats from the events that changed."""
    from warehouse import jobs  # noqa: PLC0415 - Polars takes 0.6 s

    built = jobs.build(
        _opened(settings),
        jobs.rules_of(settings),
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
    from warehouse import jobs, row_account  # noqa: PLC0415 - Polars takes 0.6 s
    from warehouse.schema import EVENTS  # noqa: PLC0415 - as above

    del diff
    opened, first, last = _opened(settings), _day(since), _day(until)
    rules = jobs.rules_of(settings)
    found = jobs.rebuild_differences(opened, rules, since=first, until=last)
    events = opened.view(EVENTS)
    days = [day for day in events.days() if jobs.is_within(day, first, last)]
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
    from warehouse.verify import verify as verify_tables  # noqa: PLC0415 - Polars

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
@settings_option
def compact(settings: Settings) -> None:
    """Merge each day's files into one, and remove what no version needs."""
    from warehouse.upkeep import compact_all  # noqa: PLC0415 - Polars takes 0.6 s

    merged = compact_all(_opened(settings), _CLOCK())
    click.echo(f"{merged} files merged")


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse retain")
@settings_option
def retain(settings: Settings) -> None:
    """Remove the days that are kept no longer, bytes included."""
    from warehouse import retention  # noqa: PLC0415 - Polars takes 0.6 s

    now_s = _CLOCK()
    today = datetime.fromtimestamp(now_s, UTC).date()
    removed = retention.retain(_opened(settings), settings.warehouse, today, now_s)
    for each in removed:
        click.echo(f"{each.table}  {each.days[0]} to {each.days[-1]}  {each.rows} rows")
    click.echo(f"{sum(len(each.days) for each in removed)} days removed")


@warehouse.command(epilog="\b\nExample:\n  millpond warehouse info --format json")
@_format
@settings_option
def info(settings: Settings, form: str) -> None:
    """Show what the tables hold, and how the jobs are doing."""
    from warehouse.info import table_infos  # noqa: PLC0415 - Polars takes 0.6 s

    infos = table_infos(_opened(settings))
    jobs = _job_states(Path(settings.spool.dir))
    if form == "json":
        found = {"tables": infos, "jobs": jobs}
        click.echo(msgspec.json.encode(found).decode())
        return
    problems = [each.problem for each in infos if each.problem is not None]
    click.echo("\n".join([*_table_lines(infos), *problems, "", *_job_lines(jobs)]))


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


def _job_states(spool_dir: Path) -> dict[str, dict[str, Any]]:
    """Return the file in which the batcher keeps its jobs' states, if there is one."""
    try:
        found: dict[str, dict[str, Any]] = msgspec.json.decode(
            (spool_dir / "jobs.json").read_bytes()
        )
    except (OSError, msgspec.DecodeError):
        return {}
    return found


def _job_lines(jobs: dict[str, dict[str, Any]]) -> list[str]:
    if not jobs:
        return ["no job has run yet; `millpond batcher run` runs them"]
    return [f"job {name:<14} {_job_line(state)}" for name, state in jobs.items()]


def _job_line(state: dict[str, Any]) -> str:
    failures = state.get("failures", 0)
    if failures:
        reason = state.get("problem") or state.get("error")
        return f"FAILED {failures} times in a row: {reason}"
    last = state.get("last_success_at")
    when = "never" if last is None else f"{datetime.fromtimestamp(last, UTC):%F %T}Z"
    return f"fine, last at {when}: {state.get('summary') or '-'}"


def _print(result: msgspec.Struct, form: str) -> None:
    if form == "json":
        click.echo(msgspec.json.encode(result).decode())
        return
    facts = msgspec.structs.asdict(result)
    click.echo("  ".join(f"{name} {value:,}" for name, value in facts.items()))
