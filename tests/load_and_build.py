"""A program for tests: load a spool and build the figures, once.

python -m tests.load_and_build SPOOL WAREHOUSE
"""

import sys
from pathlib import Path

from batcher.load.load import load
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import SETTINGS
from warehouse.build import build, rules_of
from warehouse.tables import Warehouse


def load_and_build(spool: Spool, warehouse: Warehouse) -> None:
    """Load the sealed segments and build the figures, as the batcher does."""
    load(spool, warehouse, SETTINGS, 0.0)
    build(warehouse, rules_of(SETTINGS), 0.0)


if __name__ == "__main__":
    load_and_build(Spool(Path(sys.argv[1])), Warehouse(Path(sys.argv[2])))
