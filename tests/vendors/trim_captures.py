"""Select recorded requests as captures: python -m tests.vendors.trim_captures FOLDER.

Each file in FOLDER is a list of requests with their results. The captures keep only the
requests, one per line, and the first of those that differ only in their values.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.vendors.captures import FOLDER

_KEPT = ("name", "method", "path", "query", "headers", "body_base64", "events")


def main(source: Path) -> None:
    """Write the trimmed files into the captures folder."""
    FOLDER.mkdir(exist_ok=True)
    for path in sorted(source.glob("*.json")):
        requests = trimmed(json.loads(path.read_text(encoding="utf-8")))
        lines = ",\n".join(json.dumps(request) for request in requests)
        (FOLDER / path.name).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def trimmed(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one request of each kind in their order."""
    first_of_sort: dict[tuple[str, ...], dict[str, Any]] = {}
    for request in requests:
        sort = (request["name"], request["method"], request["path"])
        first_of_sort.setdefault(sort, {key: request[key] for key in _KEPT})
    return list(first_of_sort.values())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
