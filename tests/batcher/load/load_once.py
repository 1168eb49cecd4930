"""A program for tests: load a spool until it is empty, and print the event counts.

python -m tests.batcher.load.load_once SPOOL WAREHOUSE
"""

import sys
from pathlib import Path

from batcher.load.load import LoadBusyError, load
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import SETTINGS
from warehouse.tables import Warehouse


def main() -> None:
    """Load until no sealed segment is left."""
    spool, warehouse = Spool(Path(sys.argv[1])), Warehouse(Path(sys.argv[2]))
    while spool.sealed():
        try:
            print(load(spool, warehouse, SETTINGS, 0.0).events)  # noqa: T201
        except LoadBusyError:
            continue


if __name__ == "__main__":
    main()
