"""Processes read the copy of a configuration, whatever happens to its file."""

import os
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.load import load
from config.snapshot import VARIABLE, copy_to_memory

SITE = '[[sites]]\nid = "shop"\ndomains = ["shop.example"]\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration file."""
    path = tmp_path / "millpond.toml"
    path.write_text('[spool]\ndir = "spool"\n[proxy]\nport = 8090\n' + SITE)
    return path


def test_the_copy_counts_and_not_the_file(config: Path) -> None:
    copy = copy_to_memory(config)
    environ = {VARIABLE: str(copy)}
    config.write_text("broken")
    try:
        got = [load(config, environ) for _ in range(2)]
    finally:
        os.close(copy)

    # Relative paths still belong to the folder of the file.
    assert {settings.spool.dir for settings in got} == {str(config.parent / "spool")}
    assert {settings.proxy.port for settings in got} == {8090}
    with pytest.raises(ConfigError, match="is not TOML"):
        load(config, {})


def test_the_copy_can_be_inherited_only_on_purpose(config: Path) -> None:
    copy = copy_to_memory(config)
    try:
        assert not os.get_inheritable(copy)
    finally:
        os.close(copy)
