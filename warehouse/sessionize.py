"""One day's events, each once, in one order, cut into sessions.

Every derived table is computed from this form, so it is the one place where row
order and duplicates stop mattering. A session's sums are differences of running
totals at its two ends: nothing is hashed, no window function runs over the events.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.schema import EVENTS

PAGEVIEW = "pageview"
ENGAGEMENT = "engagement"
ORDER_PLACED = "order_placed"

TIMEOUT_S = 1_800

_SECOND_US = 1_000_000
# As a null does, it sorts before every id; a true id of this value is one tie more.
_NO_ID = -(1 << 63)
_BY_CONTENT = sorted(polars_schema(EVENTS))


@dataclass(frozen=True, slots=True)
class SessionizedDay:
    """A day's unique events in order, and where its sessions lie in them.

    ``events``: those without a visitor first, then by visitor, site and time;
    ``session`` numbers the session an event belongs to (null: none), ``site_no``
    is the place of its site in ``sites``.
    ``bounds``: row n is session n; the rows in ``events`` of its ``first`` and
    ``last`` event, and of its first interactive one, ``lead``.
    ``orders``: the rows of ``events`` that count as an order.
    """

    events: pl.DataFrame
    bounds: pl.DataFrame
    orders: pl.DataFrame
    sites: pl.Series

    def totals(self, measures: Mapping[str, pl.Expr]) -> pl.DataFrame:
        """Return the sum of each measure over every session's events.

        A measure is a whole number or a truth, and never null.
        """
        running = self.events.select(
            measure.cum_sum().alias(name) for name, measure in measures.items()
        )
        before = self.bounds.select(
            pl.when(pl.col("first") > 0).then(pl.col("first") - 1)
        ).to_series()
        ends = running.select(pl.all().gather(self.bounds["last"]).cast(pl.Int64))
        starts = running.select(pl.all().gather(before).cast(pl.Int64).fill_null(0))
        return ends - starts


def is_counted() -> pl.Expr:
    """Return whether an event is one that figures count: all but engagement pings."""
    return pl.col("name") != ENGAGEMENT


def is_interactive() -> pl.Expr:
    """Return whether an event is a sign of a person at the page."""
    return is_counted() & ~pl.col("server")


def sessionize(events: pl.DataFrame, timeout_s: int = TIMEOUT_S) -> SessionizedDay:
    """Return *events* of one day, of any number of sites, cut into sessions."""
    if events["day"].n_unique() > 1:
        raise ValueError("sessionize takes the events of one day")
    sites = events["site"].unique().sort()
    ordered, keys = _in_order(_earliest_of_each(events, "event_id"), sites)
    nulls = ordered["visitor"].null_count()
    starts = _run_starts(keys.slice(nulls), timeout_s)
    interactive = ordered.slice(nulls).select(is_interactive()).to_series()
    runs = _runs(starts, interactive)
    has_lead = runs["lead"].is_not_null()
    without = pl.repeat(None, nulls, dtype=pl.UInt32, eager=True)
    numbers = _numbers(has_lead).gather(starts.cum_sum() - 1)
    session = pl.concat([without, numbers], rechunk=True).alias("session")
    numbered = ordered.with_columns(session, keys["site"].alias("site_no"))
    bounds = runs.filter(has_lead).select((pl.all() + nulls).cast(pl.UInt32))
    return SessionizedDay(numbered, bounds, _orders(numbered), sites)


def _earliest_of_each(events: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return *events* without repeated (site, key); a null key repeats nothing."""
    keys = events[key].drop_nulls()
    if keys.n_unique() == len(keys):
        return events
    repeated = keys.filter(keys.is_duplicated()).unique()
    copies = events.with_row_index("row").filter(pl.col(key).is_in(repeated.implode()))
    earliest = ["site", key, "at", "seq", *({"event_id"} - {key})]
    copies = copies[_tie_order(copies, earliest)]
    first = copies.select(pl.struct("site", key).is_first_distinct()).to_series()
    gone = copies["row"].filter(~first)
    return events.filter(~pl.int_range(pl.len()).is_in(gone.implode()))


def _in_order(
    events: pl.DataFrame, sites: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return *events* in the one order that no input order can change, and its keys."""
    keys = _keys(events, sites)
    nulls = keys["visitor"].null_count()
    split = keys["visitor"].slice(0, nulls).null_count() == nulls
    if not (split and _is_ascending(keys.slice(nulls))):
        order = keys.select(pl.arg_sort_by(keys.columns)).to_series()
        events, keys = events[order], keys[order]
    tied = _ties(keys.slice(nulls)).arg_true() + nulls
    # Tied rows share their keys, so those stay right whatever their order.
    # Columns cut into different chunks are cut alike again by every later step.
    return _with_ties_in_order(events, tied).rechunk(), keys.rechunk()


def _keys(events: pl.DataFrame, sites: pl.Series) -> pl.DataFrame:
    """Return what orders events, as integers."""
    return events.select(
        "visitor",
        pl.col("site").cast(pl.Enum(sites)).to_physical().cast(pl.UInt32),
        pl.col("at").to_physical(),
        "seq",
        pl.col("event_id").fill_null(_NO_ID),
    )


def _is_ascending(keys: pl.DataFrame) -> bool:
    in_order = pl.lit(value=True)
    for name in reversed(keys.columns):
        before, here = pl.col(name).shift(1), pl.col(name)
        in_order = (before < here) | ((before == here) & in_order)
    return bool(keys.select(in_order.slice(1).all()).item())


def _ties(keys: pl.DataFrame) -> pl.Series:
    """Return which rows have the keys of the row before."""
    same = (pl.all() == pl.all().shift(1)).fill_null(value=False)
    return keys.select(pl.all_horizontal(same).alias("tied")).to_series()


def _with_ties_in_order(events: pl.DataFrame, tied: pl.Series) -> pl.DataFrame:
    """Return *events* with rows that share all keys ordered by what they hold."""
    if tied.is_empty():
        return events
    rows = pl.concat([tied, tied - 1]).unique().sort()
    group = (~rows.is_in(tied.implode())).cum_sum().alias("group")
    order = rows[_tie_order(events[rows].with_columns(group), ["group"])]
    if order.equals(rows):
        return events
    whole = pl.int_range(len(events), dtype=pl.UInt32, eager=True)
    return events[whole.scatter(rows.cast(pl.UInt32), order.cast(pl.UInt32))]


def _tie_order(events: pl.DataFrame, keys: list[str]) -> pl.Series:
    """Return the order of rows by *keys*, then by everything they hold."""
    rest = [name for name in _BY_CONTENT if name in events.columns and name not in keys]
    order = (*keys, *(_sortable(name, events.schema[name]) for name in rest))
    return events.select(pl.arg_sort_by(*order)).to_series()


def _sortable(name: str, dtype: pl.DataType) -> pl.Expr:
    if not isinstance(dtype, pl.List):
        return pl.col(name)
    return pl.col(name).list.eval(pl.element().struct.json_encode()).list.join(",")


def _run_starts(keys: pl.DataFrame, timeout_s: int) -> pl.Series:
    """Return which events start a run: another visitor or site, or after a gap."""
    visitor, site, at = pl.col("visitor"), pl.col("site"), pl.col("at")
    starts = (
        (visitor != visitor.shift(1))
        | (site != site.shift(1))
        | (at - at.shift(1) > timeout_s * _SECOND_US)
    )
    return keys.select(starts.fill_null(value=True)).to_series()


def _runs(starts: pl.Series, interactive: pl.Series) -> pl.DataFrame:
    """Return first, last and first interactive row (null: none) of every run."""
    first = starts.arg_true()
    last = (first - 1).shift(-1, fill_value=max(len(starts) - 1, 0))
    seen = interactive.cum_sum()
    before = seen.gather(first) - interactive.gather(first)
    lead = interactive.arg_true().gather(before, null_on_oob=True)
    frame = pl.DataFrame({"first": first, "last": last, "lead": lead})
    return frame.with_columns(pl.when(pl.col("lead") <= pl.col("last")).then("lead"))


def _numbers(has_lead: pl.Series) -> pl.Series:
    """Return each run's session number, null for runs that are no session."""
    counted = has_lead.cast(pl.UInt32).cum_sum() - 1
    return counted.to_frame("n").select(pl.when(has_lead).then(pl.col("n")))["n"]


def _orders(events: pl.DataFrame) -> pl.DataFrame:
    """Return the events that count as orders: of each order key the earliest."""
    placed = events[(events["name"] == ORDER_PLACED).arg_true()]
    return _earliest_of_each(placed, "order_key")
