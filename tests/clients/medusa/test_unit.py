"""Runs the unit tests of the provider with the test runner of Node."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.medusa.provider_package import built
from tests.programs import need

# The first test of a process also compiles the provider and loads Medusa.
pytestmark = pytest.mark.timeout(300)

_UNIT = Path(__file__).with_name("unit")
_FILES = sorted(_UNIT.glob("*.test.cjs"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name.split(".")[0])
def test_every_node_unit_test_passes(path: Path) -> None:
    packages = built() / "node_modules"
    ran = subprocess.run(
        [need("node"), "--test", "--test-reporter=tap", path],
        env={**os.environ, "NODE_PATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    counts = dict(re.findall(r"(?m)^# (pass|fail|skipped) (\d+)$", ran.stdout))

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert counts["fail"] == counts["skipped"] == "0"
    assert int(counts["pass"]) > 1


def test_every_module_has_a_unit_test() -> None:
    names = {path.name.split(".")[0] for path in _FILES}

    assert names == {
        "backoff",
        "decimal",
        "delivery",
        "logger",
        "mapping",
        "movements",
        "options",
        "storefront",
    }
