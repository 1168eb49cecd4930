"""A program for tests: write, create and remove a durable file.

python -m tests.warehouse.write_durably DIRECTORY
"""

import sys
from pathlib import Path

from warehouse.durable import create_durable, remove_durable, write_durable


def main() -> None:
    """Write, create and remove."""
    directory = Path(sys.argv[1])
    write_durable(directory / "written", b"1")
    create_durable(directory / "created", b"1")
    create_durable(directory / "created", b"2")
    remove_durable(directory / "created")


if __name__ == "__main__":
    main()
