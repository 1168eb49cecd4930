"""File the stored events of a site on their days in another time zone.

An event keeps its time and gets the date of that time in the new zone. ``sessions`` and
``daily_stats`` of days that have events are derived again by the next build. Days whose
events are already deleted keep the dates of the former zone.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import date, timedelta
from pathlib import Path

import msgspec
import polars as pl

from config.logs import log_event
from config.settings import Settings, SiteSettings
from config.site_names import renames
from config.site_zones import recorded_zone
from warehouse import build
from warehouse.checked_file import read_checked, write_checked
from warehouse.dtypes import polars_schema
from warehouse.durable import remove_durable
from warehouse.figures.order_rule import ORDER_PLACED
from warehouse.lifecycle import ledger
from warehouse.locks import locked
from warehouse.schema import DERIVED, DROPS, EVENTS, LEDGER, Table
from warehouse.sites.rename import rename_sites
from warehouse.sites.zones import set_zone
from warehouse.tables import ConflictError, StoredTable, TableView, Warehouse

KIND = "site_refiled"
APP = "site refile"
_Mover = Callable[[pl.LazyFrame], pl.LazyFrame]
_MOST_ATTEMPTS = 20
# The dates of one moment differ by up to two days between zones.
_REACH = [timedelta(days) for days in range(-2, 3)]
_LOG = logging.getLogger(__name__)


class _Plan(msgspec.Struct, frozen=True):
    """A move between zones: a commit of a table records its number, so it is made once.

    *days* are the days that had events before, and *ledger_count* is the number of
    ledger entries.
    """

    former: str
    zone: str
    ledger_count: int
    numbers: dict[str, int]
    days: list[date]


def refile_site(
    warehouse: Warehouse, settings: Settings, site: SiteSettings, now_s: float
) -> bool:
    """File all events of *site* by its configured zone; return whether it was another.

    No load and no build runs meanwhile. A call that was killed is finished by the next
    one.
    """
    root = warehouse.root
    former = recorded_zone(root, site)
    if former in (None, site.timezone):
        # A call that was killed after its last step left its plan.
        _plan_path(root, site.id).unlink(missing_ok=True)
        return False
    # Rows under a former id move too; otherwise the next load would rename them later.
    rename_sites(warehouse, renames(settings), now_s)
    with ExitStack() as locks:
        load_lock = Path(settings.spool.dir) / "load.lock"
        for path in (root / "_site_removal.lock", load_lock, root / build.LOCK):
            locks.enter_context(locked(path))
        plan = _plan(warehouse, site, former)
        for table in (EVENTS, DROPS):
            _refile(warehouse, table, site.id, plan, now_s)
        _remove_vacated(warehouse, site.id, plan, now_s)
        _record(warehouse, site.id, plan, now_s)
        set_zone(root, site.id, plan.zone, plan.former)
        remove_durable(_plan_path(root, site.id))
    log_event(_LOG, "site_refiled", site=site.id, zone=plan.zone)
    # If the zone was changed again after a killed call, its move is finished first.
    refile_site(warehouse, settings, site, now_s)
    return True


def refiled(
    events: pl.DataFrame, zones: Mapping[str, str], former: Mapping[str, str]
) -> pl.DataFrame:
    """Return *events* with the days of *zones*, if a *former* zone dated them."""
    for site in former.keys() & zones.keys():
        is_dated = pl.col("day") == _local(former[site])
        events = events.with_columns(
            day=pl.when((pl.col("site") == site) & is_dated)
            .then(_local(zones[site]))
            .otherwise("day")
        )
    return events


def _local(zone: str) -> pl.Expr:
    return pl.col("at").dt.convert_time_zone(zone).dt.date()


def _plan_path(root: Path, site: str) -> Path:
    return root / f"refile-site-{site}.json"


def _plan(warehouse: Warehouse, site: SiteSettings, former: str) -> _Plan:
    path = _plan_path(warehouse.root, site.id)
    with suppress(FileNotFoundError):
        plan = read_checked(path, _Plan)
        if plan.former == former:
            return plan
    numbers = {
        table.name: (warehouse.view(table).transaction_version(APP) or 0) + 1
        for table in (EVENTS, DROPS)
    }
    days = _days(warehouse.view(EVENTS), site.id)
    plan = _Plan(former, site.timezone, ledger.count_of(warehouse), numbers, days)
    write_checked(path, plan)
    return plan


def _refile(
    warehouse: Warehouse, table: Table, site: str, plan: _Plan, now_s: float
) -> None:
    number = plan.numbers[table.name]
    for _ in range(_MOST_ATTEMPTS):
        if warehouse.view(table).version < 0:
            return
        stored = warehouse.open(table)
        if (stored.transaction_version(APP) or 0) >= number:
            return
        reached = sorted({day + step for day in _days(stored, site) for step in _REACH})
        move = _drop_mover(plan) if table == DROPS else _event_mover(stored, site, plan)
        frames = _frames(stored, reached, site, move)
        with suppress(ConflictError):
            stored.replace_days(
                reached, frames, now_s=now_s, transactions={APP: number}
            )
            return
    raise ConflictError(f"refile {table.name}: other writers keep committing first")


def _remove_vacated(warehouse: Warehouse, site: str, plan: _Plan, now_s: float) -> None:
    """Remove the figures of days that have no event any more; no build would."""
    vacated = set(plan.days) - set(_days(warehouse.view(EVENTS), site))
    for table in DERIVED:
        if vacated and warehouse.view(table).version >= 0:
            stored = warehouse.open(table)
            others = (
                stored.collect(stored.scan([day]).filter(pl.col("site") != site))
                for day in sorted(vacated)
            )
            stored.replace_days(vacated, others, now_s=now_s)


def _days(table: TableView, site: str) -> list[date]:
    rows = table.scan(columns=["site", "day"]).filter(pl.col("site") == site)
    return sorted(table.collect(rows.select("day").unique())["day"])


def _frames(
    stored: StoredTable, days: Sequence[date], site: str, move: _Mover
) -> Iterator[pl.DataFrame]:
    """Yield the rows of each day: those of other sites, and those moved there."""
    names = polars_schema(stored.table).names()
    is_site = pl.col("site") == site
    for day in days:
        yield stored.collect(stored.scan([day]).filter(~is_site))
        near = stored.scan([day + step for step in _REACH]).filter(is_site)
        yield stored.collect(move(near).filter(pl.col("day") == day).select(names))


def _event_mover(stored: StoredTable, site: str, plan: _Plan) -> _Mover:
    """Return the function that gives events their new days.

    The load puts a server's report of an order on the day of the browser's report. It
    follows that report, because the build merges both on one day only.
    """
    is_dated = pl.col("day") == _local(plan.former)
    orders = stored.scan(columns=["site", "day", "at", "name", "order_key"]).filter(
        pl.col("site") == site, pl.col("name") == ORDER_PLACED
    )
    elsewhere = orders.filter(~is_dated).select("order_key")
    twins = stored.collect(
        orders.filter(is_dated)
        .join(elsewhere, on="order_key", how="semi")
        .group_by("order_key")
        .agg(twin_day=_local(plan.zone).min())
    )
    own_day = pl.when(is_dated).then(_local(plan.zone))

    def move(rows: pl.LazyFrame) -> pl.LazyFrame:
        joined = rows.join(
            twins.lazy(), on="order_key", how="left", maintain_order="left"
        )
        other_day = pl.coalesce("twin_day", "day")
        return joined.with_columns(day=own_day.otherwise(other_day))

    return move


def _drop_mover(plan: _Plan) -> _Mover:
    """Return the function that gives drop counts the new day and hour of their hour."""
    at = (
        pl.col("day")
        .cast(pl.Datetime("us"))
        .dt.offset_by(pl.format("{}h", "hour"))
        .dt.replace_time_zone(plan.former, ambiguous="earliest", non_existent="null")
        .fill_null(
            pl.col("day")
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone(plan.former, ambiguous="earliest")
        )
        .dt.convert_time_zone(plan.zone)
    )

    def move(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.with_columns(day=at.dt.date(), hour=at.dt.hour().cast(pl.Int64))

    return move


def _record(warehouse: Warehouse, site: str, plan: _Plan, now_s: float) -> None:
    """Record the move in the ledger, unless a killed call has recorded it."""
    rows = warehouse.view(LEDGER).read(columns=["number", "kind", "subject"])
    is_recorded = rows.filter(
        pl.col("number") >= plan.ledger_count,
        pl.col("kind") == KIND,
        pl.col("subject") == site,
    ).height
    if not is_recorded:
        detail = {"from": plan.former, "to": plan.zone}
        ledger.append(warehouse, [ledger.NewEntry(KIND, site, detail)], now_s)
