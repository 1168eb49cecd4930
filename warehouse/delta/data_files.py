"""The Parquet files of a table: write them sorted and durable, read them as a frame."""

import hashlib
import re
import uuid
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec
import polars as pl

from warehouse.dtypes import added_defaults, polars_schema
from warehouse.durable import make_directory, sync_directory, sync_file
from warehouse.schema import Table

# Files of level 3 are within 2 % of the size of level 9, in a third of the time. A row
# group holds 262,144 rows, because smaller groups repeat the dictionaries.
_ZSTD_LEVEL = 3
_ROW_GROUP_ROWS = 262_144
_DIGEST_DIGITS = 32
_NAME_WITH_DIGEST = re.compile(
    rf"part-[0-9a-f]{{32}}-([0-9a-f]{{{_DIGEST_DIGITS}}})\.parquet"
)


class DataFile(msgspec.Struct, frozen=True):
    """One Parquet file of a table; *path* is relative to the table's directory."""

    path: str
    day: date
    rows: int
    size_bytes: int


def write_data_file(
    root: Path, table: Table, day: date, frame: pl.DataFrame
) -> DataFile:
    """Write *frame*, all rows of *day*; return once the file and its name are durable.

    No reader sees the file until a commit names it; a crash leaves an orphan. The name
    contains a digest of the bytes, so that damage is detected (``file_checks``).
    """
    directory = root / f"day={day.isoformat()}"
    make_directory(directory)
    draft = directory / f"part-{uuid.uuid4().hex}.draft"
    _sorted(frame, table).drop("day").write_parquet(
        draft,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        # Statistics would copy the smallest and largest values into the footer.
        statistics=False,
        row_group_size=_ROW_GROUP_ROWS,
        credential_provider=None,
    )
    path = draft.with_name(f"{draft.stem}-{content_digest(draft)}.parquet")
    draft.rename(path)
    sync_file(path)
    sync_directory(directory)
    return DataFile(
        path=f"{directory.name}/{path.name}",
        day=day,
        rows=frame.height,
        size_bytes=path.stat().st_size,
    )


def content_digest(path: Path) -> str:
    """Return the digest of the bytes of a data file, as its name contains it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGEST_DIGITS]


def digest_in_name(name: str) -> str | None:
    """Return the digest in the name of a data file, None in a name without one."""
    match = _NAME_WITH_DIGEST.fullmatch(name)
    return None if match is None else match[1]


def sort_columns(table: Table) -> list[str]:
    """Return the columns by which the rows of a file are sorted, without the day.

    The day is the same in all rows of a file.
    """
    return [name for name in table.sort_by or table.key if name != "day"]


def _sorted(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    return frame.sort(sort_columns(table), maintain_order=True)


def scan_files(
    root: Path, table: Table, files: Sequence[DataFile], columns: Sequence[str] | None
) -> pl.LazyFrame:
    """Return the rows of *files* with *columns*, or with all columns in table order.

    Added columns have their default in files without them. The rows of a single file
    are marked as sorted, so that a sort by the same columns costs nothing.
    """
    schema = polars_schema(table)
    names = list(columns) if columns is not None else schema.names()
    if not files:
        return pl.LazyFrame(schema=schema).select(names)
    frame = pl.scan_parquet(
        [root / file.path for file in files],
        glob=False,
        schema=schema,
        missing_columns="insert",
        credential_provider=None,
        hive_partitioning=True,
        hive_schema=_path_schema(root) | {"day": schema["day"]},
    ).select(names)
    filled = {
        name: pl.col(name).fill_null(default)
        for name, default in added_defaults(table).items()
        if name in names
    }
    frame = frame.with_columns(**filled) if filled else frame
    return _mark_sorted(frame, table, names) if len(files) == 1 else frame


def _path_schema(root: Path) -> dict[str, pl.DataType]:
    """Return a column for each parent directory that Polars reads as a partition."""
    names = [part.partition("=")[0] for part in root.parts if "=" in part]
    return dict.fromkeys(names, pl.String())


def _mark_sorted(
    frame: pl.LazyFrame, table: Table, columns: Sequence[str]
) -> pl.LazyFrame:
    prefix: list[str] = []
    for name in sort_columns(table):
        if name not in columns:
            break
        prefix.append(name)
    return frame.set_sorted(prefix) if prefix else frame
