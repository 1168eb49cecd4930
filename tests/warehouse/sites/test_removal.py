"""A removed site leaves no row, byte or key behind; all others stay as they were."""

import io
import json
import shutil
import signal
from pathlib import Path

import polars as pl
import pytest

from batcher.run import Batcher
from batcher.spool.spool import Spool
from tests import strace
from tests.batcher.load.spooled_events import spool_events
from tests.warehouse.event_rows import event
from tests.warehouse.killed import killed_at
from tests.warehouse.sites import removed_site
from tests.warehouse.sites.removed_site import (
    NOW_S,
    make_installation,
    run,
    sites_in_files,
)
from warehouse.clock.believed_clock import Clocks
from warehouse.key_commitment import encode_commitment, key_commitment
from warehouse.lifecycle import ledger
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, LEDGER, SESSIONS, Hash64
from warehouse.sites import removal as site_removal
from warehouse.sites.removed import removed_sites
from warehouse.stored_table import StoredTable
from warehouse.tables import Warehouse

TABLES = (EVENTS, SESSIONS, DAILY_STATS, DROPS)
FILES = ["gone.commitment", "gone.key", "import-gone.json"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("removal") / "prepared"
    make_installation(root)
    return root


@pytest.fixture
def root(prepared: Path) -> Path:
    """Return an installation whose configuration has lost the site ``gone``."""
    # The paths in the configuration are absolute, so each test works in place.
    kept = prepared.with_name("kept")
    if not kept.exists():
        shutil.copytree(prepared, kept, copy_function=shutil.copy2)
    shutil.rmtree(prepared)
    shutil.copytree(kept, prepared, copy_function=shutil.copy2)
    return prepared


def rows(root: Path, site: str) -> list[pl.DataFrame]:
    warehouse = Warehouse(root / "warehouse")
    frames = [warehouse.view(table).read() for table in TABLES]
    return [frame.filter(pl.col("site") == site).sort(pl.all()) for frame in frames]


def removals(root: Path) -> list[dict[str, object]]:
    entries = ledger.read_entries(Warehouse(root / "warehouse").view(LEDGER).read())
    return [json.loads(each.detail) for each in entries if each.kind == "site_removed"]


def key_files(root: Path) -> list[str]:
    paths = [*(root / "keys").iterdir(), *(root / "spool").rglob("*.commitment")]
    return sorted(path.name for path in paths)


def check_removed(root: Path, kept: list[pl.DataFrame], counts: dict[str, int]) -> None:
    """Check that nothing of the site is left, and that the ledger says it once."""
    assert sites_in_files(root) == {"shop"}
    for before, after in zip(kept, rows(root, "shop"), strict=True):
        assert after.equals(before)
    assert key_files(root) == ["shop.commitment", "shop.commitment", "shop.key"]
    assert not (root / "spool" / "import-gone.json").exists()
    assert removals(root) == [{"rows": counts, "files": FILES}]


def counts_of(root: Path) -> dict[str, int]:
    frames = rows(root, "gone")
    return {
        table.name: frame.height for table, frame in zip(TABLES, frames, strict=True)
    }


def test_a_removed_site_leaves_nothing_behind(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, counts = rows(root, "shop"), counts_of(root)
    assert sites_in_files(root) == {"shop", "gone"}

    assert run(root, "warehouse", "site", "remove", "gone", "--yes") == 0

    assert min(counts.values()) > 0
    check_removed(root, kept, counts)
    out = capsys.readouterr().out
    assert f"events  {counts['events']} rows" in out
    assert run(root, "warehouse", "verify") == 0
    assert run(root, "warehouse", "rebuild", "--diff") == 0


def test_a_removal_can_be_repeated(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert run(root, "warehouse", "site", "remove", "gone", "--yes") == 0

    assert capsys.readouterr().out.endswith("nothing was left to remove\n")
    assert len(removals(root)) == 1


@pytest.mark.parametrize(
    ("site", "sites", "message"),
    [
        ("shop", ["shop"], "the configuration still has it"),
        ("gone", ["shop", "gone"], "the configuration still has it"),
        ("gona", ["shop"], "did you mean 'gone'?"),
        ("other", ["shop"], "nothing is stored of it"),
    ],
)
def test_a_site_in_use_or_unknown_is_refused(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    site: str,
    sites: list[str],
    message: str,
) -> None:
    removed_site.configure(root, *sites)

    assert run(root, "warehouse", "site", "remove", site, "--yes") == 2

    assert message in capsys.readouterr().err
    assert sites_in_files(root) == {"shop", "gone"}


def test_nothing_is_removed_without_a_confirmation(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert run(root, "warehouse", "site", "remove", "gone") != 0

    assert "nothing was changed" in capsys.readouterr().err
    assert sites_in_files(root) == {"shop", "gone"}


@pytest.mark.parametrize(
    ("where", "name", "nth"),
    [
        (site_removal, "write_removal", 1),
        (site_removal, "write_removal", 3),
        (StoredTable, "replace_days", 1),
        (StoredTable, "replace_days", 4),
        (site_removal, "erase", 1),
        (StoredTable, "vacuum", 2),
        (site_removal, "_shred", 2),
        (ledger, "append", 1),
        (site_removal, "write_removal", 7),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_killed_removal_is_finished_and_recorded_once(
    root: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str, nth: int
) -> None:
    kept, counts = rows(root, "shop"), counts_of(root)
    monkeypatch.setattr("sys.argv", ["", str(root)])
    with killed_at(where, name, nth):
        removed_site.main()
    removed_site.main()
    removed_site.main()

    check_removed(root, kept, counts)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize("call", ["write", "fsync", "rename", "unlink", "linkat"])
def test_a_removal_killed_at_any_system_call_is_finished(
    root: Path, tmp_path: Path, call: str
) -> None:
    kept, counts = rows(root, "shop"), counts_of(root)
    saved = tmp_path / "saved"
    shutil.copytree(root, saved)
    script = ["tests.warehouse.sites.removed_site", str(root)]
    for nth in range(1, 400, 13):
        options = ["-f", "-e", f"inject={call}:signal=KILL:when={nth}"]
        if strace.run(options, script, check=False).returncode != -signal.SIGKILL:
            break
        strace.run(["-e", "trace=none"], script, check=True)
        check_removed(root, kept, counts)
        shutil.rmtree(root)
        shutil.copytree(saved, root)


def test_an_unfinished_removal_stops_a_configured_site(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["", str(root)])
    with killed_at(site_removal, "erase"):
        removed_site.main()
    removed_site.configure(root, "shop", "gone")

    for words in (("batcher", "drain"), ("up",), ("proxy", "run")):
        assert run(root, *words) == 2
        assert "warehouse site remove gone" in capsys.readouterr().err


def test_events_of_a_removed_site_become_drops(root: Path) -> None:
    assert run(root, "warehouse", "site", "remove", "gone", "--yes") == 0
    # A proxy with the old configuration still accepts them.
    removed_site.spool_rows(removed_site.configure(root, "shop"), 9)

    assert run(root, "batcher", "drain") == 0

    drops = Warehouse(root / "warehouse").view(DROPS).read()
    unknown = drops.filter(pl.col("site") == "(unknown)")
    assert set(unknown["reason"]) == {"unknown_site"}
    # Five events, and seven hits that the proxy had dropped.
    assert unknown["count"].sum() == 12
    assert sites_in_files(root) == {"shop", "(unknown)"}


def test_a_batcher_with_the_old_configuration_brings_nothing_back(root: Path) -> None:
    stale = removed_site.configure(root, "shop", "gone")
    batcher = Batcher(stale, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))
    removed_site.configure(root, "shop")
    assert run(root, "warehouse", "site", "remove", "gone", "--yes") == 0
    removed_site.spool_rows(stale, 9)

    batcher.load(NOW_S)

    assert sites_in_files(root) == {"shop", "(unknown)"}


def test_a_removed_site_can_be_added_again_with_a_new_key(root: Path) -> None:
    assert run(root, "warehouse", "site", "remove", "gone", "--yes") == 0
    settings = removed_site.configure(root, "shop", "gone")
    keys = {**removed_site.KEYS, "gone": b"n" * 32}
    spool_events(
        Spool(root / "spool"), [event(site="gone", event_id=Hash64(1))], keys=keys
    )
    copy = root / "spool" / "keys" / "gone.commitment"
    copy.write_bytes(encode_commitment("gone", key_commitment(keys["gone"])))

    assert run(root, "batcher", "drain") == 0

    assert removed_sites(Path(settings.warehouse.uri)) == frozenset()
    assert rows(root, "gone")[0].height == 1
