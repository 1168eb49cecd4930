"""An installation whose salt store the operator moves from one place to another."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from batcher.salts.destruction import DestroyedSalt
from batcher.salts.former import FormerStores
from batcher.salts.held import open_store, store_directory, store_place
from batcher.salts.locations import SaltLocations
from batcher.salts.records import destroy_and_record, open_records
from batcher.salts.secret_bytes import fill_random
from tests.batcher.salts.salt_cases import DAY, ZONE
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER
from warehouse.tables import Warehouse


@dataclass
class Home:
    """An installation whose salt store the operator moves from one place to another."""

    folder: Path
    spool: str = "spool"
    former: dict[str, FormerStores] = field(default_factory=dict)

    @property
    def spool_dir(self) -> Path:
        """Return the directory of the spool."""
        return self.folder / self.spool

    @property
    def warehouse(self) -> Warehouse:
        """Return the tables."""
        return Warehouse(self.folder / "warehouse")

    def make(self, salt_store: Path | str, day: date = DAY) -> str:
        """Create a salt as a proxy does; return its marker."""
        store = open_store(str(salt_store), self.spool_dir)
        store.get_or_create(ZONE, day, fill_random)
        (mark,) = [mark for mark in store.live() if mark.day == day]
        return mark.marker

    def run(
        self,
        salt_store: Path | str,
        now_s: float,
        *,
        steady_s: float = 0,
        in_doubt: bool = False,
    ) -> list[DestroyedSalt]:
        """Destroy salts as the batcher does."""
        place = str(salt_store)
        current = store_directory(place, self.spool_dir)
        former = self.former.setdefault(place, FormerStores(self.spool_dir, current))
        return destroy_and_record(
            open_store(place, self.spool_dir),
            self.warehouse,
            now_s,
            now_s,
            place=store_place(place, self.spool_dir),
            in_doubt=in_doubt,
            destroy_former=lambda: former.destroy_due(
                now_s,
                steady_s,
                lambda: open_records(self.warehouse),
                in_doubt=in_doubt,
            ),
        )

    def ends(self) -> list[str]:
        """Return how each recorded salt ended, in order."""
        rows = ledger.read_entries(self.warehouse.view(LEDGER).read())
        details = [row.detail for row in rows if row.kind == "salt_destroyed"]
        return [detail.split('"how":"')[1].split('"')[0] for detail in details]

    def recorded(self) -> list[str]:
        """Return the directories on record."""
        locations, problems = SaltLocations(self.spool_dir).recorded()
        assert problems == []
        return [location.directory for location in locations]


def salts_in(directory: Path) -> list[str]:
    """Return the names of the files with salts in *directory*."""
    return sorted(path.name for path in directory.glob("*.salt"))
