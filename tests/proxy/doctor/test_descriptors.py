"""The doctor reports how many connections fit the limit of open files."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import ProxySettings
from proxy.doctor.descriptors import descriptors

CONFIG = '[[sites]]\nid = "shop"\ndomains = ["shop.example"]\n'


def test_connections_that_fit_are_fine() -> None:
    (finding,) = descriptors(ProxySettings(max_connections=16))

    assert finding.level == "fine"
    assert "hold 16 connections" in finding.text


@pytest.mark.parametrize(
    ("limit", "level", "text"),
    [
        (1_024, "look", "a worker can hold 960 connections, fewer than"),
        (70, "finding", "a worker cannot start"),
    ],
)
def test_a_low_limit_is_reported_with_the_value_to_set(
    tmp_path: Path, limit: int, level: str, text: str
) -> None:
    config = tmp_path / "millpond.toml"
    config.write_text(CONFIG)
    limited = ["/bin/sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh"]
    doctor = [sys.executable, "-m", "millpond", "proxy", "doctor"]
    ran = subprocess.run(
        [*limited, *doctor, "--config", str(config)],
        check=False,
        capture_output=True,
        text=True,
        env={"COLUMNS": "400"},
        cwd=Path(__file__).parents[3],
    )
    at = ran.stdout.index("open files")
    line, hint = ran.stdout[at:].splitlines()[:2]

    assert ran.stdout[:at].rsplit("\n", 1)[-1].strip() == level
    assert text in line
    assert "LimitNOFILE=4160" in hint
