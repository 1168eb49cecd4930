"""One day's events, each once, in one order, cut into sessions.

Every derived table is computed from this form, so it is the one place where row
order and duplicates stop mattering. A session's sums are differences of running
totals at its two ends; only a server's events, which are few, are added up by session.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.figures.order_rule import ORDER_PLACED, ORDER_REFUNDED
from warehouse.figures.orders import merged_orders, resolved_refunds
from warehouse.figures.row_order import by_content, repeated
from warehouse.figures.runs import VisitorEvents, run_ends, runs_of, sessions_of
from warehouse.schema import EVENTS, SESSIONS

PAGEVIEW = "pageview"
ENGAGEMENT = "engagement"

TIMEOUT_S = 1_800

# What is looked at of every event, and what only of a few: these may stay in the file.
NARROW = (
    *("site", "day", "visitor", "at", "seq", "event_id"),
    *("name", "server", "passive", "hostname", "path", "engaged_ms", "items", "props"),
)
WIDE = tuple(
    name
    for name in polars_schema(EVENTS)
    if name not in NARROW
    and name in {*polars_schema(SESSIONS), "order_key", "refund_minor"}
)

# As a null does, it sorts before every id; an event of this id counts as without one.
_NO_ID = -(1 << 63)
_KEYS = ("visitor", "site", "at", "seq", "event_id")
# So many columns are in memory at once where only some of their rows are wanted.
_WIDE_AT_ONCE = 3

Wide = Callable[[Sequence[str]], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class SessionizedDay:
    """A day's unique events in order, and where its sessions lie in them.

    ``events``: those without a visitor first, then by visitor, site and time;
    ``session`` numbers the session an event belongs to (null: none), ``site_no``
    is the place of its site in ``sites``.
    ``bounds``: row n is session n; the rows in ``events`` of the ``first`` and
    ``last`` event a browser sent, and of its first interactive one, ``lead``.
    ``joined``: the events of a server that lie outside the bounds of the session they
    belong to; their ``row``, that ``session``, and the one they lie ``within``.
    ``leads``, ``loose``, ``orders``, ``refunds``: with all columns, the first
    interactive event of session n in row n, the events without a session, a row for
    each order, and the refunds with what they take back.
    """

    events: pl.DataFrame
    bounds: pl.DataFrame
    joined: pl.DataFrame
    leads: pl.DataFrame
    loose: pl.DataFrame
    orders: pl.DataFrame
    refunds: pl.DataFrame
    sites: pl.Series

    def totals(self, measures: Mapping[str, pl.Expr]) -> pl.DataFrame:
        """Return the sum of each measure over every session's events.

        A measure is a whole number or a truth, and never null.
        """
        sums = self._between_bounds(measures)
        return sums if self.joined.is_empty() else self._with_joined(sums, measures)

    def _with_joined(
        self, sums: pl.DataFrame, measures: Mapping[str, pl.Expr]
    ) -> pl.DataFrame:
        """Return *sums* with the events moved that lie outside their session."""
        found = self.events[self.joined["row"]].select(
            measure.cast(pl.Int64).alias(name) for name, measure in measures.items()
        )
        gained = found.with_columns(self.joined["session"].alias("number"))
        lost = found.select(-pl.all()).with_columns(
            self.joined["within"].alias("number")
        )
        numbers = pl.int_range(len(sums), dtype=pl.UInt32, eager=True).alias("number")
        return (
            pl.concat([sums.with_columns(numbers), gained, lost])
            .filter(pl.col("number").is_not_null())
            .group_by("number")
            .sum()
            .sort("number")
            .drop("number")
        )

    def _between_bounds(self, measures: Mapping[str, pl.Expr]) -> pl.DataFrame:
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
    return is_counted() & ~pl.col("server") & ~pl.col("passive")


def sessionize(
    events: pl.DataFrame,
    timeout_s: int = TIMEOUT_S,
    wide: Wide | None = None,
) -> SessionizedDay:
    """Return *events* of one day, of any number of sites, cut into sessions.

    *wide* reads some of the columns ``WIDE`` of the same rows, in the same order.
    """
    if events["day"].n_unique() > 1:
        raise ValueError("sessionize takes the events of one day")
    given = _EventColumns(events, wide)
    sites = events["site"].unique().sort()
    keys = _in_order(given, sites)
    nulls = keys["visitor"].null_count()
    # Columns cut into different chunks would be cut alike again by every later step.
    ordered = given.narrow(keys["row"]).rechunk()
    visited = VisitorEvents(
        keys.slice(nulls).select("visitor", "site", "at"),
        ordered["server"].slice(nulls),
    )
    interactive = ordered.slice(nulls).select(is_interactive()).to_series()
    runs = runs_of(*run_ends(visited, timeout_s), interactive)
    bounds = runs.filter(pl.col("lead").is_not_null())
    own, joined = sessions_of(visited, runs, bounds)
    without = pl.repeat(None, nulls, dtype=pl.UInt32, eager=True)
    session = pl.concat([without, own], rechunk=True).alias("session")
    numbered = ordered.with_columns(session, keys["site"].alias("site_no"))
    bounds = bounds.select((pl.all() + nulls).cast(pl.UInt32))
    loose = session.is_null().arg_true()
    commerce = [
        (ordered["name"] == name).arg_true() for name in (ORDER_PLACED, ORDER_REFUNDED)
    ]
    whole = given.whole(numbered, keys["row"], [bounds["lead"], loose, *commerce])
    orders = merged_orders(whole[2])
    return SessionizedDay(
        events=numbered,
        bounds=bounds,
        joined=joined.with_columns(pl.col("row") + nulls),
        leads=whole[0],
        loose=whole[1],
        orders=orders,
        refunds=resolved_refunds(whole[3], orders),
        sites=sites,
    )


@dataclass(frozen=True, slots=True)
class _EventColumns:
    """The events as they came, some columns of them perhaps still in their file."""

    events: pl.DataFrame
    wide: Wide | None

    def narrow(self, rows: pl.Series) -> pl.DataFrame:
        """Return the columns at hand of *rows*."""
        if len(rows) == len(self.events) and rows.is_sorted():
            return self.events
        return self.events[rows]

    def whole(
        self, ordered: pl.DataFrame, rows: pl.Series, wanted: Sequence[pl.Series]
    ) -> list[pl.DataFrame]:
        """Return all columns of the *wanted* rows of *ordered*.

        *rows* says which row each of *ordered* was as it came.
        """
        places = pl.concat(wanted)
        parts = [ordered[places]]
        if self.wide is not None:
            for start in range(0, len(WIDE), _WIDE_AT_ONCE):
                some = self.wide(WIDE[start : start + _WIDE_AT_ONCE])
                parts.append(some[rows.gather(places)])
        frame = pl.concat(parts, how="horizontal")
        starts = [sum(map(len, wanted[:number])) for number in range(len(wanted))]
        return [
            frame.slice(start, len(each))
            for start, each in zip(starts, wanted, strict=True)
        ]


def _in_order(given: _EventColumns, sites: pl.Series) -> pl.DataFrame:
    """Return the keys of the unique events, ``row`` being where each was given.

    Their order is one that no order of the input can change.
    """
    keys = _keys(given.events, sites).with_row_index("row")
    again = repeated(keys["event_id"].filter(keys["event_id"] != _NO_ID))
    if not again.is_empty():
        copies = keys.filter(pl.col("event_id").is_in(again.implode()))
        later = _later_copies(_content(given, copies["row"]))
        keys = keys.filter(~pl.col("row").is_in(later.implode()))
    nulls = keys["visitor"].null_count()
    split = keys["visitor"].slice(0, nulls).null_count() == nulls
    if not (split and _is_ascending(keys.slice(nulls))):
        keys = keys.sort(_KEYS)
    return _with_ties_in_order(given, keys.rechunk())


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
    for name in reversed(_KEYS):
        before, here = pl.col(name).shift(1), pl.col(name)
        in_order = (before < here) | ((before == here) & in_order)
    return bool(keys.select(in_order.slice(1).all()).item())


def _with_ties_in_order(given: _EventColumns, keys: pl.DataFrame) -> pl.DataFrame:
    """Return *keys* with rows that are equal in all of them ordered by content."""
    same = (pl.col(_KEYS) == pl.col(_KEYS).shift(1)).fill_null(value=False)
    tied = keys.select(pl.all_horizontal(same).alias("tied")).to_series()
    if not tied.any():
        return keys
    places = pl.concat([tied.arg_true(), tied.arg_true() - 1]).unique().sort()
    group = (~tied.gather(places)).cum_sum().alias("group")
    rows = keys["row"].gather(places)
    order = by_content(_content(given, rows).with_columns(group), ["group"])
    return keys.with_columns(keys["row"].scatter(places, rows.gather(order)))


def _content(given: _EventColumns, rows: pl.Series) -> pl.DataFrame:
    """Return all columns of *rows*, and which rows they are."""
    everything = pl.int_range(len(given.events), dtype=pl.UInt32, eager=True)
    (content,) = given.whole(given.events, everything, [rows])
    return content.with_columns(rows.alias("row"))


def _later_copies(events: pl.DataFrame) -> pl.Series:
    """Return the ``row`` of all but the earliest of each (site, event_id)."""
    ordered = events[by_content(events, ["site", "event_id", "at", "seq"])]
    first = ordered.select(pl.struct("site", "event_id").is_first_distinct())
    return ordered["row"].filter(~first.to_series())
