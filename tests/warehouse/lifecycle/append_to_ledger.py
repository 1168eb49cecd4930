"""A program for tests: append entries to the ledger, one commit each.

python -m tests.warehouse.lifecycle.append_to_ledger WAREHOUSE NAME COUNT
"""

import sys
from pathlib import Path

from warehouse.lifecycle.ledger import NewEntry, append
from warehouse.tables import Warehouse


def main() -> None:
    """Append the entries."""
    warehouse = Warehouse(Path(sys.argv[1]))
    for number in range(int(sys.argv[3])):
        append(warehouse, [NewEntry("test", f"{sys.argv[2]}-{number}")], 0.0)


if __name__ == "__main__":
    main()
