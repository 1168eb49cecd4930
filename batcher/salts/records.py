"""The record of salts: each creation and each end is an entry in the ledger.

Each run compares the ledger with the store. So the next run adds an entry that a crash
prevented. A salt that disappeared without Millpond (memory was cleared, or Redis
expired the salt) is recorded as gone.
"""

import json
import logging
from collections.abc import Collection, Iterable
from datetime import date

import polars as pl

from batcher.salts.destruction import DestroyedSalt, SaltName, try_to_destroy_due
from batcher.salts.store import SaltMark, SaltStore
from config.logs import log_event
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER
from warehouse.tables import Warehouse

CREATED = "salt_created"
DESTROYED = "salt_destroyed"

_log = logging.getLogger(__name__)

# Zone, date and marker: a date can have a second salt only if the first was lost.
_Key = tuple[str, date, str]


def destroy_and_record(
    store: SaltStore,
    warehouse: Warehouse,
    due_s: float,
    now_s: float,
    *,
    outlived: Collection[SaltName] = (),
    in_doubt: bool = False,
) -> list[DestroyedSalt]:
    """Destroy the salts due at *due_s*; record created and ended salts.

    Salts are destroyed even if the ledger cannot be read. Problems with destroying or
    recording are raised at the end. The next run adds missing records.
    """
    before = [mark for mark in store.live() if mark.marker]
    destroyed, problems = try_to_destroy_due(
        store, due_s, outlived=outlived, in_doubt=in_doubt
    )
    # Logged before the record is written, because writing may fail.
    for salt in destroyed:
        log_event(_log, "salt_destroyed", zone=salt.zone, day=salt.day)
    _record(store, warehouse, before, destroyed, now_s)
    if problems:
        raise problems[0]
    return destroyed


def _record(
    store: SaltStore,
    warehouse: Warehouse,
    before: list[SaltMark],
    destroyed: list[DestroyedSalt],
    now_s: float,
) -> None:
    """Record the salts that were created or ended, from *before* to now."""
    open_before = _open_records(warehouse)
    new = [mark for mark in before if _key(mark) not in open_before]
    ledger.append(warehouse, [_created(mark) for mark in new], now_s)
    known = open_before | {_key(mark) for mark in new}
    live = {_key(mark) for mark in store.live()}
    destroyed_now = {(salt.zone, salt.day) for salt in destroyed}
    ledger.append(warehouse, _ended(known - live, destroyed_now), now_s)


def record_abandoned_import(
    warehouse: Warehouse, destroyed: list[DestroyedSalt], now_s: float
) -> None:
    """Record the end of the salts of an import that was not finished."""
    if destroyed:
        markers = [salt.marker for salt in destroyed]
        entry = ledger.NewEntry(
            DESTROYED, "import", {"how": "abandoned", "markers": markers}
        )
        ledger.append(warehouse, [entry], now_s)


def _open_records(warehouse: Warehouse) -> set[_Key]:
    """Return the salts whose creation is recorded and whose end is not."""
    entries = (
        warehouse.view(LEDGER)
        .read(columns=["number", "kind", "detail"])
        .filter(pl.col("kind").is_in([CREATED, DESTROYED]))
        .sort("number")
    )
    open_keys: set[_Key] = set()
    for kind, detail in entries.select("kind", "detail").iter_rows():
        facts = json.loads(detail)
        if "day" not in facts:
            continue
        key = (facts["zone"], date.fromisoformat(facts["day"]), facts["marker"])
        if kind == CREATED:
            open_keys.add(key)
        else:
            open_keys.discard(key)
    return open_keys


def _key(mark: SaltMark) -> _Key:
    return mark.zone, mark.day, mark.marker


def _created(mark: SaltMark) -> ledger.NewEntry:
    facts = {**_facts(_key(mark)), "commitment": mark.commitment}
    return ledger.NewEntry(CREATED, f"{mark.zone} {mark.day}", facts)


def _ended(ended: Iterable[_Key], destroyed: set[SaltName]) -> list[ledger.NewEntry]:
    return [
        ledger.NewEntry(
            DESTROYED,
            f"{key[0]} {key[1]}",
            {**_facts(key), "how": "destroyed" if key[:2] in destroyed else "gone"},
        )
        for key in sorted(ended)
    ]


def _facts(key: _Key) -> dict[str, ledger.Fact]:
    zone, day, marker = key
    return {"zone": zone, "day": day.isoformat(), "marker": marker}
