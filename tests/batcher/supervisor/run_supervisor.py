"""A program for tests: run a supervisor with processes and timeouts given as JSON.

python -m tests.batcher.supervisor.run_supervisor PROCESSES TIMEOUTS
"""

import json
import sys

from batcher.supervisor.supervise import Process, SupervisorTimeouts, supervise
from config.errors import MillpondError
from config.logs import configure

if __name__ == "__main__":
    configure(sys.stderr)
    children, timeouts = (json.loads(argument) for argument in sys.argv[1:])
    try:
        code = supervise(
            [Process(**child) for child in children],
            timeouts=SupervisorTimeouts(**timeouts),
        )
    except MillpondError as error:
        sys.exit(f"{error}")
    sys.exit(code)
