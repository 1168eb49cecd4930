"""Salts on the record: each creation and each end is an entry of the ledger.

The record is brought in line with what is found, so a crash between a deed and its
entry is made good by the next run, and a salt that vanished by itself (the memory
was swept, Redis let it go) is recorded as gone.
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

# Zone, date and marker: a date has a second salt only if the first got lost.
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
    """Destroy what is due by the time *due_s*; record what was made and what ended.

    A ledger that cannot be read keeps no salt alive. What could not be destroyed, or
    not recorded, raises after all else is done; the record is made good next time.
    """
    before = [mark for mark in store.live() if mark.marker]
    destroyed, problems = try_to_destroy_due(
        store, due_s, outlived=outlived, in_doubt=in_doubt
    )
    # Before the record: whoever reads the log learns of it also where that fails.
    for each in destroyed:
        log_event(_log, "salt_destroyed", zone=each.zone, day=each.day)
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
    """Bring the ledger in line with the salts there were *before* and are now."""
    open_before = _open_records(warehouse)
    new = [mark for mark in before if _key(mark) not in open_before]
    ledger.append(warehouse, [_created(mark) for mark in new], now_s)
    known = open_before | {_key(mark) for mark in new}
    left = {_key(mark) for mark in store.live()}
    by_us = {(each.zone, each.day) for each in destroyed}
    ledger.append(warehouse, _ended(known - left, by_us), now_s)


def record_abandoned_import(
    warehouse: Warehouse, destroyed: list[DestroyedSalt], now_s: float
) -> None:
    """Record the end of the salts of an import that nobody finished."""
    if destroyed:
        markers = [each.marker for each in destroyed]
        entry = ledger.NewEntry(
            DESTROYED, "import", {"how": "abandoned", "markers": markers}
        )
        ledger.append(warehouse, [entry], now_s)


def _open_records(warehouse: Warehouse) -> set[_Key]:
    """Return the salts whose creation is on record and whose end is not."""
    entries = (
        warehouse.view(LEDGER)
        .read(columns=["number", "kind", "detail"])
        .filter(pl.col("kind").is_in([CREATED, DESTROYED]))
        .sort("number")
    )
    found: set[_Key] = set()
    for kind, detail in entries.select("kind", "detail").iter_rows():
        facts = json.loads(detail)
        if "day" not in facts:
            continue
        key = (facts["zone"], date.fromisoformat(facts["day"]), facts["marker"])
        if kind == CREATED:
            found.add(key)
        else:
            found.discard(key)
    return found


def _key(mark: SaltMark) -> _Key:
    return mark.zone, mark.day, mark.marker


def _created(mark: SaltMark) -> ledger.NewEntry:
    facts = {**_facts(_key(mark)), "commitment": mark.commitment}
    return ledger.NewEntry(CREATED, f"{mark.zone} {mark.day}", facts)


def _ended(
    ended: Iterable[_Key], by_us: set[tuple[str, date]]
) -> list[ledger.NewEntry]:
    return [
        ledger.NewEntry(
            DESTROYED,
            f"{key[0]} {key[1]}",
            {**_facts(key), "how": "destroyed" if key[:2] in by_us else "gone"},
        )
        for key in sorted(ended)
    ]


def _facts(key: _Key) -> dict[str, ledger.Fact]:
    zone, day, marker = key
    return {"zone": zone, "day": day.isoformat(), "marker": marker}
