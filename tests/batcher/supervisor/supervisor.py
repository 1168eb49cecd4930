"""A supervisor in a process of its own, told by JSON what to run.

python -m tests.batcher.supervisor.supervisor PROCESSES PATIENCE
"""

import json
import sys

from batcher.supervisor.supervise import Process, SupervisorTimeouts, supervise
from config.errors import MillpondError
from config.logs import configure

if __name__ == "__main__":
    configure(sys.stderr)
    children, patience = (json.loads(argument) for argument in sys.argv[1:])
    try:
        code = supervise(
            [Process(**child) for child in children],
            timeouts=SupervisorTimeouts(**patience),
        )
    except MillpondError as error:
        sys.exit(f"{error}")
    sys.exit(code)
