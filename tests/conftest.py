"""The few fixtures that the tests of every package share."""

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from config.settings import (
    PrivacySettings,
    Settings,
    SiteSettings,
    SpoolSettings,
    WarehouseSettings,
)
from tests.process_starters import starts_processes

# A slow example is no failure: it depends on the machine, not on the code.
hypothesis.settings.register_profile("millpond", deadline=None)
# More examples, for `make soak`; tests/hypothesis_settings.py sets the number for
# slow tests.
hypothesis.settings.register_profile("soak", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("millpond")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that can start a process, before `-m` selects tests."""
    for item in items:
        module = item.getparent(pytest.Module)
        if module is not None and starts_processes(module.obj.__name__):
            item.add_marker(pytest.mark.process)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with one site and every path under *tmp_path*."""
    return Settings(
        privacy=PrivacySettings(
            salt_store=str(tmp_path / "salts"), key_dir=str(tmp_path / "keys")
        ),
        spool=SpoolSettings(dir=str(tmp_path / "spool")),
        warehouse=WarehouseSettings(uri=str(tmp_path / "warehouse")),
        sites=(SiteSettings(id="shop", domains=("shop.example",)),),
    )


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Return a check that text equals the reviewed file tests/golden/NAME.

    With MILLPOND_GOLDEN=write (`make golden`) the check writes the file instead.
    """
    directory = Path(__file__).parent / "golden"

    def check(name: str, got: str) -> None:
        path = directory / name
        if os.environ.get("MILLPOND_GOLDEN") == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(got, encoding="utf-8")
        expected = path.read_text(encoding="utf-8")

        assert got == expected

    return check
