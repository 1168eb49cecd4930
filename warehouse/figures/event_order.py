"""Sort a day's events, without duplicates, in an order that the input cannot change."""

import polars as pl

from warehouse.figures.channels import is_internal
from warehouse.figures.event_columns import EventColumns
from warehouse.figures.row_order import by_content, repeated

# This value sorts before every id, like null. An event with this id counts as without
# an id.
_NO_ID = -(1 << 63)
_MOMENT = ["visitor", "site", "at", "seq"]
_KEYS = [*_MOMENT, "event_id"]
_INTERNAL = "internal"


def ordered_keys(source: EventColumns, sites: pl.Series) -> pl.DataFrame:
    """Return the keys of the unique events; ``row`` is the input row of each.

    Their order does not depend on the order of the input.
    """
    keys = _keys(source.events, sites).with_row_index("row")
    repeated_ids = repeated(keys["event_id"].filter(keys["event_id"] != _NO_ID))
    if not repeated_ids.is_empty():
        copies = keys.filter(pl.col("event_id").is_in(repeated_ids.implode()))
        later = _later_copies(_content(source, copies["row"]))
        keys = keys.filter(~pl.col("row").is_in(later.implode()))
    nulls = keys["visitor"].null_count()
    are_nulls_first = keys["visitor"].slice(0, nulls).null_count() == nulls
    if not (are_nulls_first and _is_ascending(keys.slice(nulls))):
        keys = keys.sort(_KEYS)
    return _with_ties_in_order(source, keys.rechunk())


def _keys(events: pl.DataFrame, sites: pl.Series) -> pl.DataFrame:
    """Return the sort keys of events, as integers."""
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


def _with_ties_in_order(source: EventColumns, keys: pl.DataFrame) -> pl.DataFrame:
    """Return *keys*, with rows of equal keys sorted by the content of their events."""
    keys = _with_internal_last(source, keys)
    tied = _positions_of_ties(keys, [*_KEYS, _INTERNAL])
    if tied.is_empty():
        return keys
    rows = keys["row"].gather(tied["position"])
    content = _content(source, rows).with_columns(tied["group"])
    order = by_content(content, ["group"])
    return keys.with_columns(keys["row"].scatter(tied["position"], rows.gather(order)))


def _with_internal_last(source: EventColumns, keys: pl.DataFrame) -> pl.DataFrame:
    """Return *keys* with a column ``internal``, by which events of one moment sort.

    Two workers cannot tell which of two events of a moment came first. But a page that
    was reached from the site itself is not the first one of a visit.
    """
    keys = keys.with_columns(pl.lit(value=False).alias(_INTERNAL))
    visited = keys.slice(keys["visitor"].null_count())
    tied = _positions_of_ties(visited, _MOMENT)
    if tied.is_empty():
        return keys
    position = tied["position"] + (len(keys) - len(visited))
    moments = keys[position].with_columns(tied["group"])
    channel = source.column("channel", moments["row"])
    sorted_moments = moments.with_columns(
        channel.to_frame().select(is_internal().alias(_INTERNAL)).to_series()
    ).sort("group", _INTERNAL, "event_id")
    changed = ("row", "event_id", _INTERNAL)
    return keys.with_columns(
        keys[name].scatter(position, sorted_moments[name]) for name in changed
    )


def _positions_of_ties(keys: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Return the positions of rows whose *names* equal a neighbour's, by ``group``."""
    columns = pl.col(names)
    same = pl.all_horizontal((columns == columns.shift(1)).fill_null(value=False))
    tied = keys.select(same.alias("tied")).to_series()
    position = pl.concat([tied.arg_true(), tied.arg_true() - 1]).unique().sort()
    group = (~tied.gather(position)).cum_sum()
    return pl.DataFrame({"position": position, "group": group})


def _content(source: EventColumns, rows: pl.Series) -> pl.DataFrame:
    """Return all columns of *rows*, and the row numbers."""
    all_rows = pl.int_range(len(source.events), dtype=pl.UInt32, eager=True)
    (content,) = source.whole(source.events, all_rows, [rows])
    return content.with_columns(rows.alias("row"))


def _later_copies(events: pl.DataFrame) -> pl.Series:
    """Return the ``row`` of all events except the earliest of each (site, event_id)."""
    ordered = events[by_content(events, ["site", "event_id", "at", "seq"])]
    first = ordered.select(pl.struct("site", "event_id").is_first_distinct())
    return ordered["row"].filter(~first.to_series())
