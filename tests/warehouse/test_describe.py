"""docs/tables.md describes every column as the row classes do."""

from pathlib import Path

import pytest

from warehouse.describe import describe, page
from warehouse.dtypes import columns
from warehouse.schema import EVENTS, TABLES, Item, Table

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_is_described(table: Table) -> None:
    described = describe(table)

    for column in columns(table.row):
        assert f"| `{column.name}` |" in described
        assert f"| {column.doc} |" in described


def test_the_columns_of_items_are_described() -> None:
    described = describe(EVENTS)

    assert "| `items` | list of Item | may be |" in described
    assert all(f"| {column.doc} |" in described for column in columns(Item))
