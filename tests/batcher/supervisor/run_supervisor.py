"""A program for tests: run a supervisor with processes and timeouts given as JSON.

python -m tests.batcher.supervisor.run_supervisor PROCESSES TIMEOUTS [RELOAD_FILE]

On SIGHUP the processes are read from RELOAD_FILE; the outcome of each reload is a line
of the file ``outcomes``.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from batcher.supervisor.child import Process, SupervisorTimeouts
from batcher.supervisor.supervise import supervise
from config.errors import MillpondError
from config.logs import configure


class ReloadFile:
    """Reads the new processes from *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def processes(self) -> Sequence[Process]:
        """Return the processes in the file."""
        try:
            return [Process(**child) for child in json.loads(self._path.read_text())]
        except ValueError:
            raise MillpondError("broken file") from None

    def finish(self, error: MillpondError | None) -> None:
        """Append the outcome."""
        with Path("outcomes").open("a") as outcomes:
            outcomes.write(f"{error.message if error else 'fine'}\n")


if __name__ == "__main__":
    configure(sys.stderr)
    children, timeouts = (json.loads(argument) for argument in sys.argv[1:3])
    files = [Path(argument) for argument in sys.argv[3:]]
    try:
        code = supervise(
            [Process(**child) for child in children],
            reload=ReloadFile(files[0]) if files else None,
            timeouts=SupervisorTimeouts(**timeouts),
        )
    except MillpondError as error:
        sys.exit(f"{error}")
    sys.exit(code)
