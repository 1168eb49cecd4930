"""Find the start and end of a visitor's runs of events, and the session of each event.

Boundaries are found by comparing neighbouring rows, sessions by their position in the
order. So no step hashes the events or runs a window function over them.
"""

from dataclasses import dataclass

import polars as pl

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class VisitorEvents:
    """The events with a visitor, in order: their keys, and the ``server`` column."""

    keys: pl.DataFrame
    server: pl.Series


def run_ends(visited: VisitorEvents, timeout_s: int) -> tuple[pl.Series, pl.Series]:
    """Return the first and last row of every run; a server's events are in no run."""
    rows = (~visited.server).arg_true()
    has_server = len(rows) < len(visited.keys)
    starts = _run_starts(visited.keys[rows] if has_server else visited.keys, timeout_s)
    first = starts.arg_true()
    last = (first - 1).shift(-1, fill_value=max(len(starts) - 1, 0))
    return (rows.gather(first), rows.gather(last)) if has_server else (first, last)


def _run_starts(keys: pl.DataFrame, timeout_s: int) -> pl.Series:
    """Return which events start a run: after a change of visitor or site, or a gap."""
    visitor, site, at = pl.col("visitor"), pl.col("site"), pl.col("at")
    starts = (
        (visitor != visitor.shift(1))
        | (site != site.shift(1))
        | (at - at.shift(1) > timeout_s * _SECOND_US)
    )
    return keys.select(starts.fill_null(value=True)).to_series()


def runs_of(
    first: pl.Series, last: pl.Series, *, interactive: pl.Series, on_page: pl.Series
) -> pl.DataFrame:
    """Return four rows of every run; null where no event of the run is such a one.

    Its first and last row, its first interactive one (``lead``), and its first
    interactive one with a page (``entry``).
    """
    return pl.DataFrame(
        {
            "first": first,
            "last": last,
            "lead": _first_within(interactive, first, last),
            "entry": _first_within(interactive & on_page, first, last),
        }
    )


def _first_within(rows: pl.Series, first: pl.Series, last: pl.Series) -> pl.Series:
    """Return the first true row from *first* to *last*, or null."""
    so_far = rows.cum_sum()
    before = so_far.gather(first) - rows.gather(first)
    row = rows.arg_true().gather(before, null_on_oob=True)
    return pl.select(pl.when(row <= last).then(row)).to_series()


def sessions_of(
    visited: VisitorEvents, runs: pl.DataFrame, bounds: pl.DataFrame
) -> tuple[pl.Series, pl.DataFrame]:
    """Return the session of every event, and the server's events that moved to one."""
    starts = pl.repeat(value=False, n=len(visited.keys), eager=True)
    run = starts.scatter(runs["first"], values=True).cum_sum() - 1
    numbers = _numbers(runs["lead"].is_not_null())
    # A server's event before the first run has no run; its index is out of bounds.
    own = numbers.gather(run, null_on_oob=True)
    rows = visited.server.arg_true()
    session = _running_or_latest(visited.keys, rows, bounds["lead"])
    joined = pl.DataFrame(
        {
            "row": rows,
            "session": session,
            "within": own.gather(rows),
            "last": runs["last"].gather(run.gather(rows), null_on_oob=True),
        }
    ).with_columns(pl.when(pl.col("row") <= pl.col("last")).then("within"))
    moved = joined.filter(pl.col("session").ne_missing(pl.col("within"))).drop("last")
    return own.scatter(rows, session), moved


def _running_or_latest(
    keys: pl.DataFrame, rows: pl.Series, leads: pl.Series
) -> pl.Series:
    """Return the last session of the same visitor that began before each of *rows*."""
    sessions_begun = leads.search_sorted(rows).cast(pl.Int64)
    # If no session has begun yet, the cast turns -1 into null.
    number = (sessions_begun - 1).cast(pl.UInt32, strict=False)
    visitor = pl.struct("visitor", "site")
    lead = keys.select("visitor", "site").select(pl.all().gather(leads.gather(number)))
    is_same = keys[rows].select(visitor).to_series() == lead.select(visitor).to_series()
    return pl.select(pl.when(is_same).then(number)).to_series()


def _numbers(has_lead: pl.Series) -> pl.Series:
    """Return the session number of each run, null for runs that are no session."""
    numbers = has_lead.cast(pl.UInt32).cum_sum() - 1
    return numbers.to_frame("n").select(pl.when(has_lead).then(pl.col("n")))["n"]
