"""Upkeep of the tables: merge each day's files, remove leftovers, shorten the logs."""

from warehouse.schema import TABLES
from warehouse.tables import Warehouse


def compact_all(warehouse: Warehouse, now_s: float) -> int:
    """Leave every day in one file; return how many were merged.

    Files that a reader may still have open stay for an hour.
    """
    merged = 0
    for table in TABLES:
        if warehouse.view(table).version < 0:
            continue
        stored = warehouse.open(table)
        merged += stored.compact(stored.days(), now_s=now_s)
        stored.vacuum(now_s=now_s)
        stored.clean_log()
    return merged
