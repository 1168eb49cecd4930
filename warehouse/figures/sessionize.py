"""Remove duplicates from a day's events, sort them, and cut them into sessions.

Every derived table is computed from this form, so later code need not handle row order
or duplicates. The sums of a session are differences of running totals at its two ends.
Only the server's events, which are few, are added up by session.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from warehouse.figures.channels import known_channel
from warehouse.figures.event_columns import EventColumns, ReadWide
from warehouse.figures.event_order import ordered_keys
from warehouse.figures.open_refunds import NO_RESTS
from warehouse.figures.order_rule import ORDER_PLACED, ORDER_REFUNDED
from warehouse.figures.orders import merged_orders, resolved_refunds
from warehouse.figures.runs import VisitorEvents, run_ends, runs_of, sessions_of

PAGEVIEW = "pageview"
ENGAGEMENT = "engagement"
CART_UPDATED = "cart_updated"
CART_ACTION = "cart_action"

SESSION_TIMEOUT_S = 1_800

# The columns that say where a session came from, and to which host.
ACQUISITION = (
    *("hostname", "referrer", "source", "channel", "click_id", "utm_source"),
    *("utm_medium", "utm_campaign", "utm_term", "utm_content"),
)


@dataclass(frozen=True, slots=True)
class SessionizedDay:
    """A day's unique events in order, and the positions of its sessions in them.

    ``events``: events without a visitor first, then by visitor, site and time;
    ``session`` is the number of the event's session (null: none), ``site_no`` is the
    index of its site in ``sites``.
    ``bounds``: row n is session n, with four rows of ``events``: the ``first`` and the
    ``last`` event that a browser sent, the first interactive event (``lead``), and the
    first interactive event on a page (``entry``, null if there is none).
    ``joined``: the server's events outside the bounds of their session, with their
    ``row``, their ``session``, and the session they lie ``within`` (null: none).
    ``leads``: row n is the first interactive event of session n, with all columns.
    ``entries``: row n has the columns ``ACQUISITION`` of the entry of session n.
    ``loose``: the events without a session, with all columns.
    ``orders``: a row for each order. ``refunds``: the refunds with their amounts.
    ``carts``: the ``row`` of each event that says its ``cart_action``.
    """

    events: pl.DataFrame
    bounds: pl.DataFrame
    joined: pl.DataFrame
    leads: pl.DataFrame
    entries: pl.DataFrame
    loose: pl.DataFrame
    orders: pl.DataFrame
    refunds: pl.DataFrame
    carts: pl.DataFrame
    sites: pl.Series

    def totals(self, measures: Mapping[str, pl.Expr]) -> pl.DataFrame:
        """Return the sum of each measure over the events of every session.

        A measure is an integer or a boolean, and never null.
        """
        sums = self._between_bounds(measures)
        return sums if self.joined.is_empty() else self._with_joined(sums, measures)

    def _with_joined(
        self, sums: pl.DataFrame, measures: Mapping[str, pl.Expr]
    ) -> pl.DataFrame:
        """Return *sums* after moving the events outside their session's bounds."""
        moved = self.events[self.joined["row"]].select(
            measure.cast(pl.Int64).alias(name) for name, measure in measures.items()
        )
        gained = moved.with_columns(self.joined["session"].alias("number"))
        lost = moved.select(-pl.all()).with_columns(
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
    """Return whether figures count an event: all except engagement pings."""
    return pl.col("name") != ENGAGEMENT


def is_interactive() -> pl.Expr:
    """Return whether an event shows that a person uses the page."""
    return is_counted() & ~pl.col("server") & ~pl.col("passive")


def sessionize(
    events: pl.DataFrame,
    timeout_s: int = SESSION_TIMEOUT_S,
    wide: ReadWide | None = None,
    rests: pl.DataFrame = NO_RESTS,
) -> SessionizedDay:
    """Return *events* of one day, of any number of sites, cut into sessions.

    *wide* reads columns of ``WIDE`` for the same rows, in the same order. *rests* are
    what is left of orders of other days: ``read_rests``.
    """
    if events["day"].n_unique() > 1:
        raise ValueError("sessionize takes the events of one day")
    source = EventColumns(events, wide)
    sites = events["site"].unique().sort()
    keys = ordered_keys(source, sites)
    # If columns have different chunks, every later step would rechunk them again.
    ordered = source.narrow(keys["row"]).rechunk()
    session, bounds, joined = _cut(keys, ordered, timeout_s)
    numbered = ordered.with_columns(session, keys["site"].alias("site_no"))
    loose = session.is_null().arg_true()
    commerce = [
        (ordered["name"] == name).arg_true() for name in (ORDER_PLACED, ORDER_REFUNDED)
    ]
    later_entry = bounds.filter(pl.col("entry") != pl.col("lead"))["entry"]
    leads, later_entries, *others = source.whole(
        numbered, keys["row"], [bounds["lead"], later_entry, loose, *commerce]
    )
    loose_events, placed, refunded = (
        events_of_kind.with_columns(known_channel()) for events_of_kind in others
    )
    orders = merged_orders(placed)
    return SessionizedDay(
        events=_with_known_channel(numbered),
        bounds=bounds,
        joined=joined,
        leads=leads,
        entries=_entries(bounds, leads, later_entries),
        loose=loose_events,
        orders=orders,
        refunds=resolved_refunds(refunded, orders, rests),
        carts=_carts(source, keys, ordered["name"]),
        sites=sites,
    )


def _with_known_channel(events: pl.DataFrame) -> pl.DataFrame:
    """Return *events* with their known channel, if the channel was read."""
    return events.with_columns(known_channel()) if "channel" in events else events


def _entries(
    bounds: pl.DataFrame, leads: pl.DataFrame, later_entries: pl.DataFrame
) -> pl.DataFrame:
    """Return the acquisition of each session, from its first event on a page.

    *later_entries* are the entries that are not the lead, in order.
    """
    of_leads = leads.select(ACQUISITION)
    if later_entries.is_empty() and not bounds["entry"].has_nulls():
        return of_leads
    candidates = pl.concat([of_leads, later_entries.select(ACQUISITION)])
    entry, lead = pl.col("entry"), pl.col("lead")
    is_later = (entry != lead).fill_null(value=False)
    number = pl.int_range(pl.len(), dtype=pl.UInt32)
    position = (
        pl.when(is_later)
        .then(len(leads) - 1 + is_later.cum_sum())
        .when(entry.is_not_null())
        .then(number)
        .alias("position")
    )
    rows = bounds.select(position).to_series()
    return candidates.select(pl.all().gather(rows))


def _carts(source: EventColumns, keys: pl.DataFrame, names: pl.Series) -> pl.DataFrame:
    """Return the rows of cart events that say what they did, and what it was."""
    rows = (names == CART_UPDATED).arg_true()
    if rows.is_empty():
        return pl.DataFrame(schema={"row": pl.UInt32, CART_ACTION: pl.String})
    actions = source.column(CART_ACTION, keys["row"].gather(rows))
    carts = pl.DataFrame({"row": rows, CART_ACTION: actions})
    return carts.filter(pl.col(CART_ACTION).is_not_null())


def _cut(
    keys: pl.DataFrame, ordered: pl.DataFrame, timeout_s: int
) -> tuple[pl.Series, pl.DataFrame, pl.DataFrame]:
    """Return the session of each event, and the frames ``bounds`` and ``joined``."""
    # The events without a visitor come first; they belong to no session.
    nulls = keys["visitor"].null_count()
    visited = VisitorEvents(
        keys.slice(nulls).select("visitor", "site", "at"),
        ordered["server"].slice(nulls),
    )
    kinds = ordered.slice(nulls).select(
        interactive=is_interactive(), on_page=pl.col("path").is_not_null()
    )
    runs = runs_of(*run_ends(visited, timeout_s), **kinds.to_dict())
    bounds = runs.filter(pl.col("lead").is_not_null())
    own, joined = sessions_of(visited, runs, bounds)
    without = pl.repeat(None, nulls, dtype=pl.UInt32, eager=True)
    return (
        pl.concat([without, own], rechunk=True).alias("session"),
        bounds.select((pl.all() + nulls).cast(pl.UInt32)),
        joined.with_columns(pl.col("row") + nulls),
    )
