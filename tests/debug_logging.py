"""A program for tests: ``millpond`` with everything logged that there is to log.

python -m tests.debug_logging WORDS…
"""

import logging
import sys
from functools import partial

from config import logs

if __name__ == "__main__":
    # Set before the commands import it.
    logs.configure = partial(logs.configure, level=logging.DEBUG)
    import millpond

    sys.exit(millpond.run(sys.argv[1:]))
