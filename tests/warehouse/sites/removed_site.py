"""An installation with two sites, one of which the operator wants to remove.

    python -m tests.warehouse.sites.removed_site DIRECTORY

runs the removal, and can be run again after a kill.
"""

import sys
from datetime import timedelta
from pathlib import Path

import polars as pl

import millpond
from batcher.spool.spool import Spool
from config.load import load
from config.settings import Settings
from tests.batcher.load.spooled_events import spool_events
from tests.warehouse.event_rows import DAY, event
from warehouse.key_commitment import encode_commitment, key_commitment
from warehouse.schema import Drop, Event, Hash64
from warehouse.sites.removal import remove_site
from warehouse.sites.removed import import_progress
from warehouse.tables import Warehouse

NOW_S = 1_795_400_000.0
KEYS = {"shop": bytes(range(32)), "gone": bytes(range(32, 64))}
CONFIG = """
[spool]
dir = "{root}/spool"
[warehouse]
uri = "{root}/warehouse"
keep_events_days = 0
[privacy]
key_dir = "{root}/keys"
salt_store = "{root}/salts"
"""
SITE = """
[[sites]]
id = "{site}"
domains = ["{site}.example"]
"""


def configure(root: Path, *sites: str) -> Settings:
    """Write the configuration with *sites*, and return it."""
    text = CONFIG.format(root=root) + "".join(SITE.format(site=site) for site in sites)
    (root / "millpond.toml").write_text(text)
    return load(root / "millpond.toml", {})


def run(root: Path, *words: str) -> int:
    """Run a command with the configuration in *root*; return its exit code."""
    return millpond.run([*words, "--config", str(root / "millpond.toml")])


def make_installation(root: Path) -> Settings:
    """Create tables with rows of both sites, and superseded files of both."""
    root.mkdir(parents=True, exist_ok=True)
    settings = configure(root, "shop", "gone")
    write_keys(settings)
    for number in range(3):
        spool_rows(settings, number)
        run(root, "batcher", "drain")
        run(root, "warehouse", "build")
    run(root, "warehouse", "compact")
    import_progress(root / "spool", "gone").write_text("{}")
    return configure(root, "shop")


def write_keys(settings: Settings) -> None:
    """Write the key of each site with its commitments, as a proxy does."""
    key_dir = Path(settings.privacy.key_dir)
    copies = Path(settings.spool.dir) / "keys"
    for directory in (key_dir, copies):
        directory.mkdir(parents=True, exist_ok=True)
    for site, key in KEYS.items():
        (key_dir / f"{site}.key").write_bytes(key)
        (key_dir / f"{site}.key").chmod(0o600)
        for directory in (key_dir, copies):
            content = encode_commitment(site, key_commitment(key))
            (directory / f"{site}.commitment").write_bytes(content)


def spool_rows(settings: Settings, number: int) -> None:
    """Put events and a drop of each site into the spool."""
    rows = [row for site in KEYS for row in _events(site, number)]
    drops = [_drop(site, number) for site in KEYS]
    spool_events(Spool(Path(settings.spool.dir)), rows, drops=drops, keys=KEYS)


def _events(site: str, number: int) -> list[Event]:
    return [
        event(
            site=site,
            day=DAY + timedelta(days=number % 2),
            visitor=Hash64(seq),
            event_id=Hash64(number * 100 + seq),
        )
        for seq in range(5)
    ]


def _drop(site: str, number: int) -> Drop:
    return Drop(
        site=site, day=DAY, hour=number, reason="bot", protocol="native", count=7
    )


def sites_in_files(root: Path) -> set[str]:
    """Return the sites that any data file below *root* contains a row of."""
    sites: set[str] = set()
    for path in (root / "warehouse").rglob("day=*/*"):
        frame = pl.read_parquet(path, hive_partitioning=False)
        if "site" in frame.columns:
            sites |= set(frame["site"].unique())
    return sites


def main() -> None:
    """Remove the site."""
    root = Path(sys.argv[1])
    settings = load(root / "millpond.toml", {})
    remove_site(Warehouse(root / "warehouse"), settings, "gone", NOW_S)


if __name__ == "__main__":
    main()
