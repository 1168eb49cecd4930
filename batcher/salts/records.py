"""The record of salts: each creation and each end is an entry in the ledger.

Each run compares the ledger with the store and the former stores. So the next run adds
an entry that a crash prevented. A salt that disappeared without Millpond (memory was
cleared, or Redis expired the salt) is recorded as gone. Each entry of a creation names
the store of the salt.
"""

import json
import logging
from collections.abc import Callable, Collection, Iterable
from datetime import date

import polars as pl

from batcher.salts.destruction import (
    DestroyedSalt,
    SaltName,
    destroy_due,
    is_due,
)
from batcher.salts.former import FormerResult, SaltKey
from batcher.salts.store import EXPIRY_SLACK_S, SaltMark, SaltStore
from config.logs import log_event
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER
from warehouse.tables import Warehouse

CREATED = "salt_created"
DESTROYED = "salt_destroyed"

_log = logging.getLogger(__name__)

# The mark of a present salt, and the store that it is in.
_Present = tuple[SaltMark, str]
_NO_FORMER = FormerResult()


def destroy_and_record(
    store: SaltStore,
    warehouse: Warehouse,
    due_s: float,
    now_s: float,
    *,
    place: str = "",
    outlived: Collection[SaltName] = (),
    in_doubt: bool = False,
    destroy_former: Callable[[], FormerResult] = lambda: _NO_FORMER,
) -> list[DestroyedSalt]:
    """Destroy the salts due at *due_s*; record created and ended salts.

    *place* is the directory or the address of *store*. *destroy_former* does the same
    in the former stores. Salts are destroyed even if the ledger cannot be read.
    Problems with destroying or recording are raised at the end. The next run adds
    missing records.
    """
    before = [(mark, place) for mark in store.live() if mark.marker]
    destroyed, problems = destroy_due(
        store, due_s, outlived=outlived, in_doubt=in_doubt
    )
    _log_destroyed(destroyed)
    former = destroy_former()
    _log_destroyed(former.destroyed)
    left = {_key(mark) for mark in store.live()} | former.live
    _record(warehouse, before, destroyed, former, left, place, now_s)
    for problem in (*problems, *former.problems):
        raise problem
    return destroyed + former.destroyed


def _log_destroyed(destroyed: list[DestroyedSalt]) -> None:
    # Logged before the record is written, because writing may fail.
    for salt in destroyed:
        log_event(_log, "salt_destroyed", zone=salt.zone, day=salt.day)


def _record(
    warehouse: Warehouse,
    before: list[_Present],
    destroyed: list[DestroyedSalt],
    former: FormerResult,
    left: set[SaltKey],
    place: str,
    now_s: float,
) -> None:
    """Record the salts that were created or ended, from *before* to now.

    A salt in a store out of reach has no end: nobody knows whether it still exists.
    """
    open_before = open_records(warehouse)
    new = [
        present
        for present in (*before, *former.seen)
        if _key(present[0]) not in open_before
    ]
    ledger.append(warehouse, [_created(*present) for present in new], now_s)
    known = open_before | {_key(mark): in_store for mark, in_store in new}
    hidden = {
        key
        for key, in_store in known.items()
        if in_store in former.out_of_reach or _is_unexpired(key, in_store, place, now_s)
    }
    ended = known.keys() - left - hidden
    destroyed_now = {(salt.zone, salt.day) for salt in (*destroyed, *former.destroyed)}
    ledger.append(warehouse, _ended(ended, destroyed_now), now_s)


def _is_unexpired(key: SaltKey, in_store: str, place: str, now_s: float) -> bool:
    """Return whether a salt in a former Redis has not expired there yet."""
    is_former = in_store != place and "://" in in_store
    expired_s = now_s - EXPIRY_SLACK_S
    return is_former and not is_due(key[0], key[1], expired_s, in_doubt=True)


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


def open_records(warehouse: Warehouse) -> dict[SaltKey, str]:
    """Return the salts whose creation is recorded and whose end is not.

    The value is the store of the salt, empty if it was recorded by a version that did
    not record stores.
    """
    entries = (
        warehouse.view(LEDGER)
        .read(columns=["number", "kind", "detail"])
        .filter(pl.col("kind").is_in([CREATED, DESTROYED]))
        .sort("number")
    )
    open_salts: dict[SaltKey, str] = {}
    for kind, detail in entries.select("kind", "detail").iter_rows():
        facts = json.loads(detail)
        if "day" not in facts:
            continue
        key = (facts["zone"], date.fromisoformat(facts["day"]), facts["marker"])
        if kind == CREATED:
            open_salts[key] = facts.get("store", "")
        else:
            open_salts.pop(key, None)
    return open_salts


def _key(mark: SaltMark) -> SaltKey:
    return mark.zone, mark.day, mark.marker


def _created(mark: SaltMark, place: str) -> ledger.NewEntry:
    facts = {**_facts(_key(mark)), "commitment": mark.commitment}
    if place:
        facts["store"] = place
    return ledger.NewEntry(CREATED, f"{mark.zone} {mark.day}", facts)


def _ended(ended: Iterable[SaltKey], destroyed: set[SaltName]) -> list[ledger.NewEntry]:
    return [
        ledger.NewEntry(
            DESTROYED,
            f"{key[0]} {key[1]}",
            {**_facts(key), "how": "destroyed" if key[:2] in destroyed else "gone"},
        )
        for key in sorted(ended)
    ]


def _facts(key: SaltKey) -> dict[str, ledger.Fact]:
    zone, day, marker = key
    return {"zone": zone, "day": day.isoformat(), "marker": marker}
