"""Stored tables read by DuckDB, an engine independent of Millpond."""

from pathlib import Path
from typing import Any

import duckdb

_EXTENSION = next(
    (Path(duckdb.__file__).parents[1] / "duckdb_extension_delta").rglob(
        "*.duckdb_extension"
    )
)


def delta_scan(query: str, *tables: Path) -> list[tuple[Any, ...]]:
    """Return the rows of *query* in DuckDB; ``delta_scan(?)`` stands for each table.

    DuckDB downloads nothing: the extension is installed with the test tools.
    """
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.load_extension(str(_EXTENSION))
        return connection.execute(query, [str(table) for table in tables]).fetchall()
