"""A program for tests: ``millpond`` with logging at the level DEBUG.

python -m tests.debug_logging WORDS…
"""

import logging
import sys
from functools import partial

from config import logs

if __name__ == "__main__":
    # The commands import ``configure``, so the replacement must come first.
    logs.configure = partial(logs.configure, level=logging.DEBUG)
    import millpond

    sys.exit(millpond.run(sys.argv[1:]))
