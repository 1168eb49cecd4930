"""Every salt that was made and every one that ended is in the ledger, once."""

import json
from pathlib import Path
from typing import Any

import pytest

from batcher.salts.destruction import DestroyedSalt
from batcher.salts.directory import DirectorySalts
from batcher.salts.records import destroy_and_record, record_abandoned_import
from batcher.salts.store import STORED_BYTES, SaltStoreError, commitment
from tests.batcher.salts.salt_cases import DAY, DAY_AFTER, ZONE, at, counted, salt_of
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER
from warehouse.tables import Warehouse

NOON = at("2026-11-22T12:00")
DUE = at("2026-11-23T00:30")


@pytest.fixture
def store(tmp_path: Path) -> DirectorySalts:
    return DirectorySalts(tmp_path / "salts")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


def recorded(warehouse: Warehouse) -> list[tuple[str, dict[str, Any]]]:
    """Return kind and facts of every entry, in order."""
    entries = ledger.read_entries(warehouse.view(LEDGER).read())
    return [(entry.kind, json.loads(entry.detail)) for entry in entries]


def facts(marker: str, **more: str) -> dict[str, str]:
    return {"zone": ZONE, "day": "2026-11-22", "marker": marker * 8, **more}


def test_a_salt_is_recorded_when_it_is_made_and_when_it_ends(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counted())
    first = destroy_and_record(store, warehouse, NOON, NOON)
    second = destroy_and_record(store, warehouse, DUE, DUE)

    assert (first, second) == ([], [DestroyedSalt(zone=ZONE, day=DAY, marker="01" * 8)])
    assert recorded(warehouse) == [
        ("salt_created", facts("01", commitment=commitment(salt_of(1)).hex())),
        ("salt_destroyed", facts("01", how="destroyed")),
    ]
    assert ledger.verify(warehouse.view(LEDGER).read()) == []


def test_runs_with_nothing_to_tell_add_nothing(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counted())
    for now_s in (NOON, NOON + 60, DUE - 1, DUE, DUE + 60):
        destroy_and_record(store, warehouse, now_s, now_s)

    kinds = [kind for kind, _ in recorded(warehouse)]
    assert kinds == ["salt_created", "salt_destroyed"]


def test_a_salt_first_seen_when_it_is_due_is_recorded_all_the_same(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counted())
    destroy_and_record(store, warehouse, DUE, DUE)

    kinds = [kind for kind, _ in recorded(warehouse)]
    assert kinds == ["salt_created", "salt_destroyed"]


def test_a_salt_that_vanished_is_recorded_as_gone(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counted())
    destroy_and_record(store, warehouse, NOON, NOON)
    store.remove()
    destroy_and_record(store, warehouse, NOON + 60, NOON + 60)

    assert recorded(warehouse)[1:] == [("salt_destroyed", facts("01", how="gone"))]


def test_a_second_salt_of_the_date_is_told_apart(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    random = counted()
    store.get_or_create(ZONE, DAY, random)
    destroy_and_record(store, warehouse, NOON, NOON)
    store.remove()
    store.get_or_create(ZONE, DAY, random)
    destroy_and_record(store, warehouse, DUE, DUE)

    got = [(kind, each["marker"][:2]) for kind, each in recorded(warehouse)]
    assert got == [
        ("salt_created", "01"),
        ("salt_created", "02"),
        ("salt_destroyed", "01"),
        ("salt_destroyed", "02"),
    ]


def test_a_destruction_that_died_before_its_entry_is_recorded_later(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counted())
    destroy_and_record(store, warehouse, NOON, NOON)
    (file,) = store.directory.glob("*.salt")
    file.write_bytes(bytes(STORED_BYTES))
    destroy_and_record(store, warehouse, DUE, DUE)

    assert recorded(warehouse)[1:] == [("salt_destroyed", facts("01", how="destroyed"))]


def test_what_cannot_be_destroyed_hides_nothing_that_was(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counted())
    (store.directory / "Asia%2FTokyo@2026-11-20.salt").mkdir()

    with pytest.raises(SaltStoreError):
        destroy_and_record(store, warehouse, DUE, DUE)

    assert recorded(warehouse)[1] == ("salt_destroyed", facts("01", how="destroyed"))


def test_no_entry_holds_a_secret(store: DirectorySalts, warehouse: Warehouse) -> None:
    store.get_or_create(ZONE, DAY, counted())
    store.get_or_create(ZONE, DAY_AFTER, counted())
    destroy_and_record(store, warehouse, DUE, DUE)

    told = json.dumps(recorded(warehouse))
    assert salt_of(1).hex()[16:32] * 2 not in told


def test_an_abandoned_import_is_recorded_by_its_markers(warehouse: Warehouse) -> None:
    record_abandoned_import(warehouse, [], NOON)
    record_abandoned_import(
        warehouse, [DestroyedSalt(zone=ZONE, day=DAY, marker="0a" * 8)], NOON
    )

    assert recorded(warehouse) == [
        ("salt_destroyed", {"how": "abandoned", "markers": ["0a" * 8]})
    ]
