"""The ledger records each creation and each destruction of a salt once."""

import json
from pathlib import Path
from typing import Any

import pytest

from batcher.salts.destruction import DestroyedSalt
from batcher.salts.directory import DirectorySalts
from batcher.salts.records import destroy_and_record, record_abandoned_import
from batcher.salts.store import STORED_BYTES, SaltStoreError, commitment
from tests.batcher.salts.salt_cases import (
    DAY,
    DAY_AFTER,
    ZONE,
    at,
    counting_randomness,
    salt_of,
)
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


def ledger_entries(warehouse: Warehouse) -> list[tuple[str, dict[str, Any]]]:
    """Return the kind and the detail of every entry, in order."""
    entries = ledger.read_entries(warehouse.view(LEDGER).read())
    return [(entry.kind, json.loads(entry.detail)) for entry in entries]


def detail(marker: str, **fields: str) -> dict[str, str]:
    return {"zone": ZONE, "day": "2026-11-22", "marker": marker * 8, **fields}


def test_the_creation_and_destruction_of_a_salt_are_recorded(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counting_randomness())
    first = destroy_and_record(store, warehouse, NOON, NOON)
    second = destroy_and_record(store, warehouse, DUE, DUE)

    assert (first, second) == ([], [DestroyedSalt(zone=ZONE, day=DAY, marker="01" * 8)])
    assert ledger_entries(warehouse) == [
        ("salt_created", detail("01", commitment=commitment(salt_of(1)).hex())),
        ("salt_destroyed", detail("01", how="destroyed")),
    ]
    assert ledger.verify(warehouse.view(LEDGER).read()) == []


def test_repeated_runs_add_no_entry(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counting_randomness())
    for now_s in (NOON, NOON + 60, DUE - 1, DUE, DUE + 60):
        destroy_and_record(store, warehouse, now_s, now_s)

    kinds = [kind for kind, _ in ledger_entries(warehouse)]
    assert kinds == ["salt_created", "salt_destroyed"]


def test_a_salt_first_seen_when_it_is_due_is_recorded_too(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counting_randomness())
    destroy_and_record(store, warehouse, DUE, DUE)

    kinds = [kind for kind, _ in ledger_entries(warehouse)]
    assert kinds == ["salt_created", "salt_destroyed"]


def test_a_missing_salt_is_recorded_as_gone(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counting_randomness())
    destroy_and_record(store, warehouse, NOON, NOON)
    store.remove()
    destroy_and_record(store, warehouse, NOON + 60, NOON + 60)

    assert ledger_entries(warehouse)[1:] == [
        ("salt_destroyed", detail("01", how="gone"))
    ]


def test_a_second_salt_of_a_date_is_recorded_separately(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    random = counting_randomness()
    store.get_or_create(ZONE, DAY, random)
    destroy_and_record(store, warehouse, NOON, NOON)
    store.remove()
    store.get_or_create(ZONE, DAY, random)
    destroy_and_record(store, warehouse, DUE, DUE)

    got = [(kind, fields["marker"][:2]) for kind, fields in ledger_entries(warehouse)]
    assert got == [
        ("salt_created", "01"),
        ("salt_created", "02"),
        ("salt_destroyed", "01"),
        ("salt_destroyed", "02"),
    ]


def test_a_destruction_killed_before_its_entry_is_recorded_later(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counting_randomness())
    destroy_and_record(store, warehouse, NOON, NOON)
    (file,) = store.directory.glob("*.salt")
    file.write_bytes(bytes(STORED_BYTES))
    destroy_and_record(store, warehouse, DUE, DUE)

    assert ledger_entries(warehouse)[1:] == [
        ("salt_destroyed", detail("01", how="destroyed"))
    ]


def test_a_failed_destruction_does_not_hide_a_successful_one(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counting_randomness())
    (store.directory / "Asia%2FTokyo@2026-11-20.salt").mkdir()

    with pytest.raises(SaltStoreError):
        destroy_and_record(store, warehouse, DUE, DUE)

    assert ledger_entries(warehouse)[1] == (
        "salt_destroyed",
        detail("01", how="destroyed"),
    )


def test_no_entry_contains_a_secret(
    store: DirectorySalts, warehouse: Warehouse
) -> None:
    store.get_or_create(ZONE, DAY, counting_randomness())
    store.get_or_create(ZONE, DAY_AFTER, counting_randomness())
    destroy_and_record(store, warehouse, DUE, DUE)

    entries = json.dumps(ledger_entries(warehouse))
    assert salt_of(1).hex()[16:32] * 2 not in entries


def test_an_abandoned_import_is_recorded_by_its_markers(warehouse: Warehouse) -> None:
    record_abandoned_import(warehouse, [], NOON)
    record_abandoned_import(
        warehouse, [DestroyedSalt(zone=ZONE, day=DAY, marker="0a" * 8)], NOON
    )

    assert ledger_entries(warehouse) == [
        ("salt_destroyed", {"how": "abandoned", "markers": ["0a" * 8]})
    ]
