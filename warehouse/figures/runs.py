"""Where a visitor's runs of events begin and end, and whose session each event is.

Boundaries are found by comparing neighbours, sessions by their place in order: nothing
is hashed, no window function runs over the events.
"""

from dataclasses import dataclass

import polars as pl

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class VisitorEvents:
    """The events with a visitor, in order: who, where and when; ``server`` of each."""

    keys: pl.DataFrame
    server: pl.Series


def run_ends(visited: VisitorEvents, timeout_s: int) -> tuple[pl.Series, pl.Series]:
    """Return the first and the last row of every run; a server's events are in none."""
    rows = (~visited.server).arg_true()
    has_server = len(rows) < len(visited.keys)
    starts = _run_starts(visited.keys[rows] if has_server else visited.keys, timeout_s)
    first = starts.arg_true()
    last = (first - 1).shift(-1, fill_value=max(len(starts) - 1, 0))
    return (rows.gather(first), rows.gather(last)) if has_server else (first, last)


def _run_starts(keys: pl.DataFrame, timeout_s: int) -> pl.Series:
    """Return which events start a run: another visitor or site, or after a gap."""
    visitor, site, at = pl.col("visitor"), pl.col("site"), pl.col("at")
    starts = (
        (visitor != visitor.shift(1))
        | (site != site.shift(1))
        | (at - at.shift(1) > timeout_s * _SECOND_US)
    )
    return keys.select(starts.fill_null(value=True)).to_series()


def runs_of(first: pl.Series, last: pl.Series, interactive: pl.Series) -> pl.DataFrame:
    """Return first, last and first interactive row (null: none) of every run."""
    seen = interactive.cum_sum()
    before = seen.gather(first) - interactive.gather(first)
    lead = interactive.arg_true().gather(before, null_on_oob=True)
    frame = pl.DataFrame({"first": first, "last": last, "lead": lead})
    return frame.with_columns(pl.when(pl.col("lead") <= pl.col("last")).then("lead"))


def sessions_of(
    visited: VisitorEvents, runs: pl.DataFrame, bounds: pl.DataFrame
) -> tuple[pl.Series, pl.DataFrame]:
    """Return the session of every event, and which of a server's were ``joined``."""
    begins = pl.repeat(value=False, n=len(visited.keys), eager=True)
    run = begins.scatter(runs["first"], values=True).cum_sum() - 1
    numbers = _numbers(runs["lead"].is_not_null())
    # A server's event before the first run has none, which no number says either.
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
    begun = leads.search_sorted(rows).cast(pl.Int64)
    # Where none has begun yet, minus one is no number.
    number = (begun - 1).cast(pl.UInt32, strict=False)
    who = pl.struct("visitor", "site")
    its_lead = keys.select("visitor", "site").select(
        pl.all().gather(leads.gather(number))
    )
    same = keys[rows].select(who).to_series() == its_lead.select(who).to_series()
    return pl.select(pl.when(same).then(number)).to_series()


def _numbers(has_lead: pl.Series) -> pl.Series:
    """Return each run's session number, null for runs that are no session."""
    counted = has_lead.cast(pl.UInt32).cum_sum() - 1
    return counted.to_frame("n").select(pl.when(has_lead).then(pl.col("n")))["n"]
