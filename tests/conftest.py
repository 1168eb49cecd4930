"""Fixtures every package's tests share; few, so that a test shows what it needs."""

from pathlib import Path

import pytest

from config.settings import (
    PrivacySettings,
    Settings,
    SiteSettings,
    SpoolSettings,
    WarehouseSettings,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of one site, every path of them under *tmp_path*."""
    return Settings(
        privacy=PrivacySettings(
            salt_store=str(tmp_path / "salts"), key_dir=str(tmp_path / "keys")
        ),
        spool=SpoolSettings(dir=str(tmp_path / "spool")),
        warehouse=WarehouseSettings(uri=str(tmp_path / "warehouse")),
        sites=(SiteSettings(id="shop", domains=("shop.example",)),),
    )
