"""The programs some tests start; without one they skip, loudly, or fail in CI."""

import os
import shutil
from pathlib import Path

import pytest

# Debian keeps servers out of the PATH of ordinary users.
_SERVER_PATHS = "/usr/local/sbin:/usr/sbin:/sbin"


def need(program: str) -> Path:
    """Return the path of *program*; skip the test, or with CI=true fail, without it."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:{_SERVER_PATHS}")
    if found:
        return Path(found)
    reason = f"{program} is not installed; `make programs` installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
