"""A program for tests: append to events twice, then remove a file, like the load.

python -m tests.warehouse.append_and_trim WAREHOUSE FILE
"""

import sys
from pathlib import Path

from tests.warehouse.event_rows import event, frame
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse


def main() -> None:
    """Append twice and remove the file."""
    table = Warehouse(Path(sys.argv[1])).open(EVENTS)
    for number in (1, 2):
        table.append(frame([event()]), transactions={"spool/lane": number})
    Path(sys.argv[2]).unlink()


if __name__ == "__main__":
    main()
