"""The batcher searches the former salt stores from its first run on."""

from dataclasses import replace
from pathlib import Path

from batcher.run import Batcher
from batcher.salts.held import open_store
from batcher.salts.secret_bytes import fill_random
from config.settings import Settings
from tests.batcher.salts.salt_home import salts_in
from tests.batcher.test_run import DUE, ZONE, Clocks
from tests.warehouse.event_rows import DAY


def test_a_moved_salt_store_leaves_no_salt_behind(
    settings: Settings, tmp_path: Path
) -> None:
    former = Path(settings.privacy.salt_store)
    store = open_store(str(former), Path(settings.spool.dir))
    store.get_or_create(ZONE, DAY, fill_random)
    moved = replace(settings.privacy, salt_store=str(tmp_path / "moved"))
    clocks = Clocks()
    clocks.steady_s += 86_400

    batcher = Batcher(replace(settings, privacy=moved), clocks.both())

    assert batcher.destroy_salts(DUE) == "1 salts destroyed"
    assert salts_in(former) == []
