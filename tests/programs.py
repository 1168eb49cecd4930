"""External programs that some tests need; without one a test skips, or fails in CI."""

import os
import shutil
from pathlib import Path

import pytest

# On Debian the PATH of an ordinary user does not include servers.
_SERVER_PATHS = "/usr/local/sbin:/usr/sbin:/sbin"


def need(program: str) -> Path:
    """Return the path of *program*; if missing, skip the test, or fail with CI=true."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:{_SERVER_PATHS}")
    if path:
        return Path(path)
    reason = f"{program} is not installed; `make programs` installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
