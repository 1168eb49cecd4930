"""The ledger records the key of each site; with another key nothing is loaded."""

import json
import threading
from pathlib import Path

import pytest

from batcher.key_records import (
    CommitmentDamagedError,
    KeyChangedError,
    KeyRecords,
)
from batcher.run import Batcher
from batcher.spool.spool import Spool
from config.errors import Retryable
from config.settings import Settings
from tests.batcher.load.spooled_events import left_over, spool_events, stored_events
from tests.bit_flips import flips
from tests.processes import install
from tests.warehouse.event_rows import event
from warehouse.clock.believed_clock import Clocks
from warehouse.key_commitment import (
    encode_commitment,
    key_commitment,
    spool_commitment,
)
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER
from warehouse.tables import Warehouse

NOW_S = 1_795_348_800.0
KEY, OTHER = b"k" * 32, b"o" * 32
CONFIG = """\
[privacy]
salt_store = "data/salts"

[[sites]]
id = "shop"
domains = ["shop.example"]
"""


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return Warehouse(Path(settings.warehouse.uri))


def write_commitment(spool_dir: str, key: bytes, site: str = "shop") -> Path:
    """Write the copy of a commitment that a proxy writes into the spool."""
    path = spool_commitment(Path(spool_dir), site)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_commitment(site, key_commitment(key)))
    return path


def key_records(settings: Settings, warehouse: Warehouse) -> KeyRecords:
    return KeyRecords(warehouse, Path(settings.spool.dir), ["shop", "blog"])


def ledger_entries(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    """Return the kind, site and commitment of the entries, the oldest first."""
    entries = ledger.read_entries(warehouse.view(LEDGER).scan().collect())
    return [
        (entry.kind, entry.subject, json.loads(entry.detail)["commitment"])
        for entry in entries
    ]


def test_a_key_is_recorded_once(settings: Settings, warehouse: Warehouse) -> None:
    for site, key in (("shop", KEY), ("blog", OTHER)):
        write_commitment(settings.spool.dir, key, site)
    checked = key_records(settings, warehouse)
    checked.check(NOW_S)
    checked.check(NOW_S)
    key_records(settings, warehouse).check(NOW_S)

    assert ledger_entries(warehouse) == [
        ("key_created", "blog", key_commitment(OTHER)),
        ("key_created", "shop", key_commitment(KEY)),
    ]


def test_before_the_first_proxy_nothing_is_recorded(
    settings: Settings, warehouse: Warehouse
) -> None:
    key_records(settings, warehouse).check(NOW_S)

    assert ledger_entries(warehouse) == []


def test_racing_batchers_record_a_key_once(
    settings: Settings, warehouse: Warehouse
) -> None:
    write_commitment(settings.spool.dir, KEY)
    racers = [
        threading.Thread(target=key_records(settings, warehouse).check, args=(NOW_S,))
        for _ in range(4)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()

    assert ledger_entries(warehouse) == [("key_created", "shop", key_commitment(KEY))]


@pytest.mark.parametrize("seen_before", [True, False])
def test_with_another_key_nothing_is_loaded_and_nothing_removed(
    settings: Settings, warehouse: Warehouse, *, seen_before: bool
) -> None:
    def new_batcher() -> Batcher:
        return Batcher(settings, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))

    write_commitment(settings.spool.dir, KEY)
    batcher = new_batcher()
    batcher.load(NOW_S)
    spool = Spool(Path(settings.spool.dir))
    spool_events(spool, [event(path="/a")], keys={"shop": OTHER})
    write_commitment(settings.spool.dir, OTHER)
    waiting = left_over(spool)
    batcher = batcher if seen_before else new_batcher()

    for _ in range(2):
        with pytest.raises(KeyChangedError) as caught:
            batcher.load(NOW_S)

    assert caught.value.message == (
        "load the spool: the key of 'shop' is not the recorded key; known orders"
        " would count again, and nothing was loaded"
    )
    assert caught.value.exit_code == 3
    assert not isinstance(caught.value, Retryable)
    assert left_over(spool) == waiting != []
    assert stored_events(warehouse) == []


def test_an_operator_may_accept_a_new_key(
    settings: Settings, warehouse: Warehouse
) -> None:
    write_commitment(settings.spool.dir, KEY)
    running = key_records(settings, warehouse)
    running.check(NOW_S)
    write_commitment(settings.spool.dir, OTHER)
    with pytest.raises(KeyChangedError):
        running.check(NOW_S)
    accepted = [str(key_records(settings, warehouse).accept(NOW_S)) for _ in range(2)]
    # A running process reads the records of other processes.
    running.check(NOW_S)
    write_commitment(settings.spool.dir, KEY)
    with pytest.raises(KeyChangedError):
        running.check(NOW_S)

    assert accepted == ["shop", "no key has changed"]
    assert ledger_entries(warehouse) == [
        ("key_created", "shop", key_commitment(KEY)),
        ("key_replaced", "shop", key_commitment(OTHER)),
    ]


def test_every_flipped_bit_in_the_copy_of_the_spool_is_found(
    settings: Settings, warehouse: Warehouse
) -> None:
    path = write_commitment(settings.spool.dir, KEY)
    checked = key_records(settings, warehouse)
    checked.check(NOW_S)
    for flipped in flips(path.read_bytes()):
        path.write_bytes(flipped)

        with pytest.raises(CommitmentDamagedError, match=str(path)):
            checked.check(NOW_S)


def test_drain_refuses_another_key_until_accept_keys_accepts_it(tmp_path: Path) -> None:
    installation = install(tmp_path, text=CONFIG)
    spool = Spool(Path(installation.settings.spool.dir))
    write_commitment(installation.settings.spool.dir, KEY)
    first = installation.run("batcher", "drain")
    spool_events(spool, [event(path="/a")], keys={"shop": OTHER})
    write_commitment(installation.settings.spool.dir, OTHER)
    refused = installation.run("batcher", "drain")
    declined = installation.run("batcher", "accept-keys", stdin="n\n")
    accepted = installation.run("batcher", "accept-keys", "--yes")
    again = installation.run("batcher", "accept-keys", "--yes")
    drained = installation.run("batcher", "drain")

    assert first.returncode == 0
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "the key of 'shop' is not the recorded key" in refused.stderr
    assert "millpond batcher accept-keys" in refused.stderr
    assert declined.returncode != 0
    assert (accepted.returncode, accepted.stdout) == (0, "accepted: shop\n")
    assert again.stdout == "accepted: no key has changed\n"
    assert drained.stdout.startswith("drained: 1 received, 1 loaded,")


def test_a_damaged_ledger_stops_no_load(
    settings: Settings, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    write_commitment(settings.spool.dir, KEY)
    ledger.append(warehouse, [ledger.NewEntry("test", "nothing")], NOW_S)
    [entry] = (warehouse.root / "ledger" / "_delta_log").glob("*1.json")
    entry.write_bytes(entry.read_bytes().replace(b"test", b"tesu") + b"\n")
    spool_events(Spool(Path(settings.spool.dir)), [event()])
    key_records(settings, warehouse).check(NOW_S)

    assert "keys_not_checked" in caplog.text
    batcher = Batcher(settings, Clocks(wall=lambda: NOW_S, steady=lambda: 0.0))
    assert batcher.load(NOW_S) == "1 events of 1 segments"
