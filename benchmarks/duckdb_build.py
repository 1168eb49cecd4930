"""The build in SQL for DuckDB: the same tables, day by day.

The SQL is tuned wherever a measurement showed a gain. Windows only read narrow
columns. Wide columns are fetched only for the first event of a session. Visitors are
counted in two steps where that is faster. Each dimension has one grouping. Duplicates
are removed only if a count finds any. All statistics are one statement, so that both
cores have work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from benchmarks.duckdb_stats import (
    ACQUISITION,
    CLIENT,
    QUARTER_S,
    SECOND_US,
    SHARED,
    daily_stats,
)

# The values of events without a session: nobody knows whether they are direct.
_OWN = ", ".join(
    f'"{name}"' if name != "channel" else "nullif(channel, 'direct') as channel"
    for name in SHARED
)
_TIMEOUT_US = 1_800 * SECOND_US
_SESSION = """
    site, day, session, visitor, started_at, duration_s, engaged_ms, pageviews, events,
    bounce, continued, suspect, entry_path, exit_path, hostname, referrer, source,
    channel, utm_source, utm_medium, utm_campaign, utm_term, utm_content, click_id,
    country, region, browser, browser_major, os, device, screen, language,
    product_views, cart_updates, checkouts, orders, value_minor, currency
"""


@dataclass(frozen=True, slots=True)
class DuckDBBuild:
    """Builds days on one connection; *sites* has the currency and zone of each site."""

    connection: duckdb.DuckDBPyConnection
    sites: Mapping[str, tuple[str, str]]

    def build(self, day: date, file: Path, target: Path) -> None:
        """Write ``sessions`` and ``daily_stats`` of *day*, from *file* to *target*."""
        events = f"read_parquet('{file}', file_row_number = true)"
        self._create_site_tables(day)
        self._check_unique(events, "event_id")
        run = self.connection.execute
        run(_create_numbered_events(events))
        run(_create_placed_orders(events))
        self._check_unique("p", "order_key")
        self._check_no_server(events)
        self._check_pages(events)
        run(_create_sessions(events, day))
        if run("select count(*) from s where suspect").fetchone() != (0,):
            raise NotImplementedError("the workload has no suspect session")
        run(_create_orders())
        run(_create_loose_events(events))
        run(_create_products(events))
        self._copy(
            f"select {_SESSION} from s",
            target / f"sessions-{day}.parquet",
        )
        self._copy(daily_stats(day), target / f"daily_stats-{day}.parquet")

    def _copy(self, query: str, path: Path) -> None:
        options = "(format parquet, compression zstd)"
        self.connection.execute(f"copy ({query}) to '{path}' {options}")

    def _check_unique(self, rows: str, key: str) -> None:
        query = f"select count({key}) = count(distinct {key}) from {rows}"
        if self.connection.execute(query).fetchone() != (True,):
            raise NotImplementedError("the workload has no duplicates")

    def _check_no_server(self, events: str) -> None:
        """Stop if there are events that this SQL does not count as Millpond does."""
        selected = f"from {events} where server or name = 'order_refunded'"
        if self.connection.execute(f"select count(*) {selected}").fetchone() != (0,):
            raise NotImplementedError("the workload has no server events or refunds")

    def _check_pages(self, events: str) -> None:
        """Stop if the first event of a session may have no page."""
        query = f"select count(*) from {events} where path is null"
        if self.connection.execute(query).fetchone() != (0,):
            raise NotImplementedError("the workload has no event without a page")

    def _create_site_tables(self, day: date) -> None:
        """Create the small tables of the sites' currencies and local hours."""
        sites, hours = [], []
        for site, (currency, zone) in self.sites.items():
            clock = ZoneInfo(zone)
            midnight = datetime.combine(day, time(), clock).astimezone(UTC)
            midnight_us = int(midnight.timestamp()) * SECOND_US
            sites.append(f"('{site}', '{currency}', {midnight_us})")
            # A local day has at most 25 hours.
            for step in range(26 * 4):
                at = midnight + timedelta(seconds=step * QUARTER_S)
                quarter = int(at.timestamp()) // QUARTER_S
                hours.append(f"('{site}', {quarter}, '{at.astimezone(clock):%H}')")
        for name, rows, columns in (
            ("sites", sites, "site, home, midnight_us"),
            ("hours", hours, "site, quarter, hour"),
        ):
            self.connection.execute(
                f"create or replace temp table {name} as"
                f" select * from (values {', '.join(rows)}) as rows ({columns})"
            )


def _create_numbered_events(events: str) -> str:
    """Return the statement for ``n``: narrow columns of all events, sessions numbered.

    Windows without a partition read the sorted rows as a stream; with a partition they
    would sort again. Times are numbers, because intervals of times with a zone cost
    four times as much.
    """
    return f"""
        create or replace temp table n as
        with sorted as (
            select site, visitor, "at", epoch_us("at") as us, name, path, hostname,
                server or passive as is_passive,
                coalesce(engaged_ms, 0) as engaged_ms, file_row_number,
                name <> 'engagement' as counted
            from {events} order by visitor nulls first, site, "at", seq, event_id
        ),
        gaps as (
            select *, row_number() over () as place, coalesce(
                visitor <> lag(visitor) over () or site <> lag(site) over ()
                or us - lag(us) over () > {_TIMEOUT_US}, true) as starts
            from sorted
        )
        select * exclude (starts), counted and not is_passive as interactive,
            case when visitor is not null
                then sum(starts::int) over (rows unbounded preceding) end as run
        from gaps
    """


def _create_sessions(events: str, day: date) -> str:
    """Return the statement for ``s``: the sessions, with all columns."""
    acquisition = ", ".join(
        f'case when not continued then "{name}" end as "{name}"' for name in ACQUISITION
    )
    wide = ", ".join(f'lead."{name}"' for name in (*ACQUISITION, *CLIENT))
    return f"""
        create or replace temp table s as
        with runs as (
            select run, any_value(site) as site, any_value(visitor) as visitor,
                arg_min(file_row_number, place) filter (interactive) as file_row_number,
                min("at") filter (interactive) as started_at,
                min(us) filter (interactive) as started_us, max(us) as ended_us,
                sum(engaged_ms)::bigint as engaged_ms,
                count(*) filter (name = 'pageview') as pageviews,
                count(*) filter (counted) as events,
                count(*) filter (interactive) as interactive,
                arg_min_null(path, place) filter (name = 'pageview') as entry_path,
                arg_max_null(path, place) filter (name = 'pageview') as exit_path,
                count(*) filter (name = 'product_viewed') as product_views,
                count(*) filter (name = 'cart_updated') as cart_updates,
                count(*) filter (name = 'checkout_started') as checkouts
            from n where run is not null group by run
            having count(*) filter (interactive) > 0
        ),
        placed as (
            select run, count(*) as orders, coalesce(sum(value_minor)
                filter (coalesce(currency, home) = home), 0)::bigint as value_minor
            from p where run is not null group by run
        ),
        joined as (
            select runs.* exclude (file_row_number), {wide},
                lead.name as lead_name, home as currency,
                coalesce(orders, 0) as orders,
                coalesce(placed.value_minor, 0) as value_minor,
                coalesce(channel = 'internal' and started_us - midnight_us
                    between 0 and {_TIMEOUT_US}, false) as continued,
                (ended_us - started_us) // {SECOND_US} as duration_s
            from {events} as lead join runs using (file_row_number)
            join sites on runs.site = sites.site
            left join placed using (run)
        )
        select * replace ({acquisition}),
            date '{day}' as day, hash(visitor, started_at, site)::hugeint as session,
            pageviews = 1 and interactive = 1 and lead_name = 'pageview'
                and not continued as bounce,
            pageviews > 1000 or duration_s >= 86400 as suspect
        from joined
    """


def _create_placed_orders(events: str) -> str:
    """Return the statement for ``p``: the orders, with the run of each order."""
    return f"""
        create or replace temp table p as
        select placed.*, run, home from (
            select site, "at", name, path, hostname, order_key, currency, value_minor,
                items, file_row_number, {_OWN} from {events} where name = 'order_placed'
        ) as placed
        join (select file_row_number, run from n where name = 'order_placed')
            using (file_row_number)
        join sites using (site)
    """


def _create_orders() -> str:
    """Return the statement for ``o``: the orders, with their dimension values."""
    values = ", ".join(
        f"case when s.run is null then {own} else s.{name} end as {name}"
        for name, own in (
            ("entry_path", "null"),
            ("exit_path", "null"),
            *((f'"{name}"', f'p."{name}"') for name in SHARED),
        )
    )
    return f"""
        create or replace temp table o as
        select p.site, "at", name, path, p.hostname, p.currency, home, p.value_minor,
            items, file_row_number, {values}
        from p left join s using (run)
    """


def _create_loose_events(events: str) -> str:
    """Return the statement for ``l``: events without a session, with their values."""
    return f"""
        create or replace temp table l as
        select site, name, coalesce(engaged_ms, 0) as engaged_ms, counted, {_OWN},
            null as entry_path, null as exit_path
        from {events} join (
            select file_row_number, counted from n
            where run is null or run not in (select run from s)
        ) using (file_row_number)
    """


def _create_products(events: str) -> str:
    """Return the statement for ``i``: a row for each product in an event."""
    return f"""
        create or replace temp table i as
        select distinct file_row_number, site, run, n.name, n.counted, n.engaged_ms,
            product
        from (
            select file_row_number, unnest(items).product as product
            from {events} where items is not null and name <> 'engagement'
        ) join n using (file_row_number)
    """
