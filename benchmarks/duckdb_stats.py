"""The ``daily_stats`` of one day as one DuckDB statement.

The parts read the temporary tables that ``duckdb_build`` makes: ``s`` (sessions),
``n`` (numbered events), ``l`` (events without a session), ``o`` (orders) and ``i``
(the products of events).
"""

from collections.abc import Mapping
from datetime import date

ACQUISITION = (
    *("referrer", "source", "click_id", "utm_source", "utm_medium"),
    *("utm_campaign", "utm_term", "utm_content"),
)
CLIENT = (
    *("channel", "country", "region", "browser", "browser_major", "os", "device"),
    *("screen", "language", "hostname"),
)
SHARED = [
    name
    for name in (*ACQUISITION, *CLIENT)
    if name not in {"click_id", "browser_major", "hostname"}
]
_BY_SESSION: Mapping[str, str] = {
    "total": "'(all)'",
    "entry_page": "entry_path",
    "exit_page": "exit_path",
    **{name: f'"{name}"' for name in SHARED},
}
SECOND_US = 1_000_000
QUARTER_S = 900
QUARTER_US = QUARTER_S * SECOND_US
_EVENT_SUMS = """
    count(*) filter (name = 'pageview') as pageviews,
    count(*) filter (counted) as events,
    sum(engaged_ms) as engaged_ms
"""
_VIEWED_SUMS = """
    count(distinct visitor) as visitors, count(*) as sessions,
    sum(duration_s) as duration_s, count(*) filter (orders > 0) as conversions
"""
_PAIR_SUMS = f"count(*) filter (bounce) as bounces, {_VIEWED_SUMS}"
_ORDER_SUMS = """
    case when coalesce(currency, home) <> home then currency end as foreign_currency,
    count(*) as orders, sum(value_minor) as value_minor
"""


def daily_stats(day: date) -> str:
    """Return the query for all rows of ``daily_stats`` on *day*."""
    parts = [
        *(part for item in _BY_SESSION.items() for part in _by_session(*item)),
        *_by_hour(),
        *_by_viewed("page", "path", "entry_path"),
        *_by_viewed("hostname", "hostname", "hostname"),
        *_by_event("event", "name", "n", "counted", "counted"),
        *_by_event("product", "product", "i", "true", "true"),
        *_order_parts(),
    ]
    measures = (
        *("visitors", "sessions", "bounces", "pageviews", "events", "duration_s"),
        *("engaged_ms", "conversions", "orders", "value_minor"),
    )
    sums = ", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in measures)
    return f"""
        select site, date '{day}' as day, dimension, coalesce(value, '(none)') as value,
            coalesce(foreign_currency, home) as currency, {sums},
            0::bigint as refunds, 0::bigint as refund_minor
        from ({" union all by name ".join(parts)}) join sites using (site)
        group by all
    """


def _by_session(dimension: str, value: str) -> list[str]:
    head = f"select site, '{dimension}' as dimension, {value} as value"
    return [
        f"""{head}, sum(pageviews) as pageviews, sum(events) as events,
            sum(engaged_ms) as engaged_ms, {_PAIR_SUMS} from s group by all""",
        f"{head}, {_EVENT_SUMS} from l group by all",
        f"{head}, {_ORDER_SUMS} from o group by all",
    ]


def _by_hour() -> list[str]:
    at, started, placed = (
        f"{us} // {QUARTER_US} as quarter"
        for us in ("us", "started_us", 'epoch_us("at")')
    )
    head = "select site, 'hour' as dimension, hour as value"
    return [
        f"""{head}, sum(pageviews) as pageviews, sum(events) as events,
            sum(engaged_ms) as engaged_ms from (
                select site, {at}, {_EVENT_SUMS} from n group by all
            ) join hours using (site, quarter) group by all""",
        f"""{head}, {_PAIR_SUMS} from (select *, {started} from s)
            join hours using (site, quarter) group by all""",
        f"""{head}, {_ORDER_SUMS} from (select *, {placed} from o)
            join hours using (site, quarter) group by all""",
    ]


def _by_viewed(dimension: str, value: str, bounced: str) -> list[str]:
    """Return the queries of a page dimension; a bounce has the value *bounced*."""
    viewed = "name = 'pageview'"
    return [
        *_by_event(dimension, value, "n", "true", viewed, _VIEWED_SUMS),
        f"""select site, '{dimension}' as dimension, {bounced} as value,
            count(*) as bounces from s where bounce group by all""",
    ]


def _by_event(
    dimension: str,
    value: str,
    rows: str,
    counted: str,
    in_session: str,
    sums: str = _PAIR_SUMS,
) -> list[str]:
    """Return the queries of an event dimension.

    *counted* selects the rows that count as events, *in_session* those that make
    their session count under the value, and *sums* has the measures of sessions.
    """
    head = f"select site, '{dimension}' as dimension, value"
    return [
        f"{head}, {_EVENT_SUMS} from (select *, {value} as value from {rows})"
        f" where {counted} group by all",
        f"""{head}, {sums} from (
                select distinct run, {value} as value from {rows} where {in_session}
            ) join s using (run) group by all""",
    ]


def _order_parts() -> list[str]:
    lines = """
        select site, currency, home, file_row_number, item.product as value,
            sum(item.quantity * coalesce(item.price_minor, 0)) as value_minor
        from (select * exclude (value_minor), unnest(items) as item from o) group by all
    """
    return [
        f"select site, 'page' as dimension, path as value, {_ORDER_SUMS}"
        " from o group by all",
        f"select site, 'hostname' as dimension, hostname as value, {_ORDER_SUMS}"
        " from o group by all",
        f"select site, 'event' as dimension, name as value, {_ORDER_SUMS}"
        " from o group by all",
        f"select site, 'product' as dimension, value, {_ORDER_SUMS}"
        f" from ({lines}) group by all",
    ]
