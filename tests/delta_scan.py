"""Stored tables read by DuckDB, an engine that is not ours."""

from pathlib import Path
from typing import Any

import duckdb

_EXTENSION = next(
    (Path(duckdb.__file__).parents[1] / "duckdb_extension_delta").rglob(
        "*.duckdb_extension"
    )
)


def delta_scan(query: str, *tables: Path) -> list[tuple[Any, ...]]:
    """Return what DuckDB answers to *query*, which names each table ``delta_scan(?)``.

    Nothing is downloaded: the extension is installed with the test tools.
    """
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.load_extension(str(_EXTENSION))
        return connection.execute(query, [str(each) for each in tables]).fetchall()
