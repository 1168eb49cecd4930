"""DuckDB opens the same tables and reads the same rows."""

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.warehouse.event_rows import event, frame
from warehouse.dtypes import polars_schema
from warehouse.schema import EVENTS, Item
from warehouse.tables import StoredTable, Warehouse

_EXTENSION = next(
    (Path(duckdb.__file__).parents[1] / "duckdb_extension_delta").rglob(
        "*.duckdb_extension"
    )
)

_PATH = polars_schema(EVENTS).names().index("path")


@pytest.fixture
def table(tmp_path: Path) -> StoredTable:
    """Return a table after appends, a replacement, a compaction and a checkpoint."""
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    items = (Item(product="42", price_minor=1_999), Item(product="7", quantity=-1))
    first = event(path="/ä", event_id=-(2**63), visitor=2**63 - 1, items=items)
    table.append(frame([first, event(site="blog", path=None, late=True)]))
    table.append(frame([event(path="/2", day=event().day.replace(day=23))]))
    table.replace_days([event().day.replace(day=23)], [], now_s=0)
    table.append(frame([event(path="/3")]))
    table.compact(table.days(), now_s=0)
    table.clean_log()
    table.append(frame([event(path="/4")]))
    return table


def duckdb_rows(query: str, path: str) -> list[tuple[Any, ...]]:
    """Return the rows of *query* about *path* in DuckDB."""
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.load_extension(str(_EXTENSION))
        return connection.execute(query, [path]).fetchall()


def test_duckdb_and_polars_read_the_same_rows(table: StoredTable) -> None:
    frame_read = table.read().drop("items").with_columns(pl.col("at").to_physical())
    expected = frame_read.sort(pl.col("path").fill_null("")).rows()
    # For times with a zone DuckDB needs a further library.
    select = 'select * exclude (items) replace (epoch_us("at") as "at")'
    got = duckdb_rows(f"{select} from delta_scan(?)", str(table.path))

    assert sorted(got, key=lambda row: row[_PATH] or "") == expected


def test_duckdb_reads_the_items(table: StoredTable) -> None:
    query = "select items from delta_scan(?) where items is not null"
    got = [row[0] for row in duckdb_rows(query, str(table.path))]

    assert got == table.read()["items"].drop_nulls().to_list()


def test_no_footer_contains_statistics(table: StoredTable) -> None:
    query = """
        select count(*), count(stats_min), count(stats_max), count(stats_null_count)
        from parquet_metadata(?)
    """
    (counts,) = duckdb_rows(query, f"{table.path}/day=*/*.parquet")

    assert counts[0] > 0
    assert counts[1:] == (0, 0, 0)
